import { spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ArchloomError,
  createSearch,
  memoryStore,
  readEvents,
  readRecord,
  readStudy,
  type SearchEvent,
  type SearchState,
  type Store,
  StudyRecord,
} from 'archloom'
import { journalStore, journalStudies } from 'archloom/node'
import { asha } from 'archloom/plugins/asha'
import { random } from 'archloom/plugins/random'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exportStudy } from '../../../core/cli/commands/export.ts'
import { ls } from '../../../core/cli/commands/ls.ts'
import { show } from '../../../core/cli/commands/show.ts'
import { outputTo } from '../../../core/cli/output.ts'
import { withChecksum, withoutChecksum } from '../../../core/node/checksum.ts'
import { journalReader } from '../../../core/node/journal.ts'
import { decodeEvent, decodeJson, encodeJson } from '../../../core/study/store.ts'
import { climbing, digits, sum } from '../search/parts.ts'

/** Many more in the nightly script. */
const runs = process.env.ARCHLOOM_SLOW ? 10_000 : 200
const limits = { timeout: process.env.ARCHLOOM_SLOW ? 3_600_000 : 120_000 }

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-snapshot-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const folder = () => join(directory, 'long')
const journal = () => join(folder(), 'journal.jsonl')
const snapshot = () => join(folder(), 'journal.snapshot')

/** Everything that a record says. */
const view = (record: StudyRecord) => ({
  name: record.name,
  location: record.location,
  isEmpty: record.isEmpty,
  started: record.isEmpty ? undefined : record.started,
  state: record.state,
  lastAt: record.live.lastAt,
  elapsed: record.elapsedAt(1e12),
  trials: record.trials.map((trial) => JSON.parse(encodeJson(trial))),
  images: record.images,
  warnings: record.warnings,
  best: record.best(5),
  front: record.front(),
})
/** The record without the help of a snapshot. */
const folded = ({ name, location, read }: Store) => readRecord({ name, location, read })
const eventsKept = async (store: Store) => (await store.snapshot?.recall())?.events

/** Writes a study of these events, with a snapshot after `kept` of them. */
async function write(events: readonly SearchEvent[], kept: number, at = folder()): Promise<void> {
  const store = journalStore(at)
  const record = new StudyRecord(store.name, store.location)
  for (const [i, event] of events.entries()) {
    store.append([event])
    record.apply(event)
    if (i + 1 === kept) store.snapshot!.keep(kept, record.keep())
  }
  await store.close()
}

const compose = (study: unknown, { maxTrials = 40, scheduled = true, seed = 5 } = {}) =>
  createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }, { trial }: { readonly trial: number }) => {
      if (trial % 7 === 2) throw new Error('out of luck')
      return { sum: sum(architecture), cost: trial % 9 === 4 ? Number.POSITIVE_INFINITY : 3 - sum(architecture) }
    },
    plugins: scheduled ? [random(), asha({ minFidelity: 1 / 4, eta: 2 })] : [climbing()],
    objectives: { sum: 'maximise', cost: 'minimise' },
    budget: { maxTrials },
    seed,
    study,
  } as Parameters<typeof createSearch>[0])

async function eventsOf(options: Parameters<typeof compose>[1]): Promise<SearchEvent[]> {
  const store = memoryStore()
  await using search = compose(store, options)
  await search.finish()
  return readEvents(store)
}
const asset = (name: string) =>
  readFileSync(new URL(`../../assets/journals/${name}.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map(decodeEvent)
const studies = [await eventsOf({}), await eventsOf({ scheduled: false }), asset('0.1-evolution'), asset('0.1-cnas')]

/** What may happen to a study, drawn from numbers: events of every kind that the fold knows, in every order it accepts. */
function studyOf(steps: readonly (readonly [kind: number, which: number, value: number])[]): SearchEvent[] {
  const begin = studies[0]![0]!
  const events: SearchEvent[] = [begin]
  const trials: { status: 'waiting' | 'running' | 'paused' | 'ended'; rung: number; genotype: readonly number[] }[] = []
  let at = begin.at
  const add = (event: object) => {
    at += 0.125
    events.push({ seq: events.length, ...event, at } as SearchEvent)
  }
  const numbers = [0, 1.5, -2, 1e300, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const [kind, which, value] of steps) {
    const number = numbers[value % numbers.length]!
    const metrics = value % 5 === 0 ? { sum: number } : { sum: value % 3, cost: number, odd: value / 7 }
    const reward = value % 4
    const trial = trials.length === 0 ? -1 : which % trials.length
    const known = trials[trial]
    const from = value % 6 === 1 && trial > 0 ? { checkpointOf: trial } : {}
    if (kind === 0 || !known) {
      const genotype = [value % 3, which % 3, 0, 1]
      const enqueued = value % 5 === 2
      const rest = {
        ...(value % 4 !== 0 && {
          architecture: value % 4 === 1 ? null : { digit: genotype, text: '', [number]: number },
        }),
        ...(value % 3 === 0 && { fidelity: 0.25 }),
      }
      add({
        type: 'trial.proposed',
        trial: trials.length,
        genotype,
        seed: value,
        ...rest,
        ...from,
        ...(enqueued && { enqueued }),
      })
      trials.push({ status: enqueued ? 'waiting' : 'running', rung: 0, genotype })
      continue
    }
    const { genotype } = known
    const rung = { rung: known.rung, fidelity: 0.5 ** (value % 3) }
    const result = {
      trial,
      genotype,
      metrics,
      feasible: value % 7 !== 0,
      ...(value % 7 === 0 && { violation: number }),
      ...(value % 2 === 0 && { simulatedSeconds: 2.25 }),
      elapsedMs: value / 3,
    }
    if (kind === 1) add({ type: 'search.warning', code: 'W', message: `${number} "ä"\n` })
    else if (kind === 2) add({ type: 'plugin.event', plugin: 'p', name: 'n', facts: { image: [`${value}.png`, null] } })
    else if (kind === 3) add({ type: 'search.stopped', reason: 'aborted', trials: trials.length, elapsedMs: 1 })
    else if (kind === 4) add({ type: 'search.resumed', trials: trials.length, budget: null })
    else if (kind === 5) add({ type: 'stage.started', stage: `stage ${value % 3}`, index: 0, facts: {} })
    else if (known.status === 'waiting' || known.status === 'paused') {
      if (known.status === 'paused' && kind % 2 === 0) {
        add({ type: 'trial.pruned', ...result, ...rung, by: 'scheduler', ...(value % 2 === 0 && { reward }) })
        known.status = 'ended'
      } else {
        known.rung += known.status === 'paused' ? 1 : 0
        known.status = 'running'
        add({ type: 'trial.continued', trial, rung: known.rung, fidelity: rung.fidelity })
      }
    } else if (known.status === 'running') {
      const failure = { reason: 'error', code: 'C', message: 'm' }
      if (kind === 6) add({ type: 'trial.retried', trial, attempt: 2 + (value % 3), ...failure })
      else if (kind === 7) add({ type: 'trial.progress', trial, step: value, metrics })
      else if (kind === 8) {
        add({ type: 'trial.paused', ...result, ...rung, reward, ...(value % 2 === 0 && { checkpoint: `c/${trial}` }) })
        known.status = 'paused'
      } else if (kind === 9) {
        add({
          type: 'trial.failed',
          trial,
          genotype,
          ...failure,
          ...(value % 2 === 0 && { stack: 'at' }),
          elapsedMs: 3,
        })
        known.status = 'ended'
      } else {
        add({ type: 'trial.completed', ...result, reward })
        known.status = 'ended'
      }
    }
  }
  return events
}
const anyStudy = fc.oneof(
  fc.nat(studies.length - 1).map((i) => studies[i]!),
  fc.array(fc.tuple(fc.nat(11), fc.nat(20), fc.nat(1000)), { minLength: 10, maxLength: 120 }).map(studyOf),
)

describe('a snapshot', () => {
  it('with the events after it gives the same record as all events', limits, async () => {
    let round = 0
    await fc.assert(
      fc.asyncProperty(anyStudy, fc.double({ min: 0, max: 1, noNaN: true }), async (events, share) => {
        const kept = 1 + Math.floor(share * (events.length - 1))
        const at = join(directory, `study-${round++}`)
        await write(events, kept, at)
        const store = journalReader(at)
        expect(await eventsKept(store)).toBe(kept)
        const recalled = await readRecord(store)
        const whole = await folded(store)
        expect(view(recalled)).toEqual(view(whole))
        // It also continues as the other one would.
        const [last] = (await readEvents(store)).slice(-1)
        const seq = last!.seq + 1
        const genotype = [0, 0, 0, 0].slice(0, whole.started.space.decisions.length)
        while (genotype.length < whole.started.space.decisions.length) genotype.push(0)
        const trial = whole.trials.length
        const metrics = Object.fromEntries(whole.state.objectives.map(({ metric }) => [metric, 1e6]))
        const result = { trial, genotype, metrics, reward: 1e6, feasible: true, elapsedMs: 1 }
        const more = [
          { seq, type: 'trial.proposed', trial, genotype, seed: 1, at: last!.at + 1 },
          { seq: seq + 1, type: 'trial.completed', ...result, at: last!.at + 2 },
        ] as const
        for (const event of more) expect(recalled.apply(event)).toEqual(whole.apply(event))
        expect(view(recalled)).toEqual(view(whole))
        rmSync(at, { recursive: true })
      }),
      { numRuns: runs, seed: 1 },
    )
  })

  it('has these fields: whoever changes them raises the number of the form', () => {
    const record = new StudyRecord('mine', 'mine')
    for (const event of studies[0]!) record.apply(event)
    const [head, ...parts] = [...record.keep()] as Record<string, unknown>[]
    const columns = parts.flatMap(({ trials }) => trials as Record<string, unknown>[])
    expect([
      head!.fold,
      Object.keys(head!).join(' '),
      Object.keys(head!.state as object).join(' '),
      [...new Set(columns.flatMap(Object.keys))].sort().join(' '),
    ]).toEqual([
      1,
      'fold archloom started state images warnings',
      'status study seed objectives proposed completed pruned failed consecutiveFailures running resting front targetReached startedAt elapsedMs sessions simulatedSeconds trialsPerMinute seq lastAt best reason',
      'architecture attempts elapsedMs failure feasible fidelity genotype metrics reward rungs seed status trial',
    ])
  })

  it.each([90, studies[0]!.length])('that is damaged is passed over, after %i events', limits, async (count) => {
    await write(studies[0]!, count)
    await write(studies[1]!, 60, join(directory, 'other'))
    const good = readFileSync(snapshot())
    const expected = view(await folded(journalReader(folder())))
    const changes = fc.array(
      fc.tuple(fc.constantFrom('flip', 'cut', 'double', 'insert', 'swap', 'end', 'line'), fc.nat(), fc.nat(255)),
      { minLength: 1, maxLength: 3 },
    )
    let passed = 0
    const check = async (bytes: string | Buffer) => {
      writeFileSync(snapshot(), bytes)
      const store = journalReader(folder())
      if (Buffer.compare(Buffer.from(bytes), good) !== 0) passed++
      expect(view(await readRecord(store))).toEqual(expected)
    }
    await fc.assert(
      fc.asyncProperty(changes, async (how) => {
        let bytes = good
        for (const [kind, where, value] of how) {
          const at = bytes.length === 0 ? 0 : where % bytes.length
          const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
          if (kind === 'flip') bytes = Buffer.concat([before, Buffer.from([value]), after.subarray(1)])
          if (kind === 'cut') bytes = Buffer.concat([before, after.subarray(1 + value)])
          if (kind === 'double') bytes = Buffer.concat([bytes.subarray(0, at + value), after])
          if (kind === 'insert') bytes = Buffer.concat([before, Buffer.from([value]), after])
          if (kind === 'end') bytes = before
          const lines = bytes.toString('latin1').split('\n')
          const [i, j] = [at % lines.length, (at + value) % lines.length]
          if (kind === 'swap') [lines[i], lines[j]] = [lines[j]!, lines[i]!]
          if (kind === 'line') lines.splice(i, 1)
          if (kind === 'swap' || kind === 'line') bytes = Buffer.from(lines.join('\n'), 'latin1')
        }
        await check(bytes)
      }),
      { numRuns: runs, seed: 1 },
    )
    expect(passed).toBeGreaterThan(runs / 2)
    const [head, first] = good.toString().split('\n')
    const changed = (line: string, change: object) =>
      withChecksum(encodeJson({ ...(decodeJson(withoutChecksum(line)!) as object), ...change }))
    const { state } = JSON.parse(withoutChecksum(first!)!) as { readonly state: SearchState }
    // Whatever is passed over may say anything else.
    const lie = { images: ['never.png'] }
    const untrue = (headChange: object, firstChange: object = {}) =>
      good
        .toString()
        .replace(head!, () => changed(head!, headChange))
        .replace(first!, () => changed(first!, { ...lie, ...firstChange }))
    for (const wrong of [
      '',
      '\n',
      '{}\n',
      'null\n',
      'x'.repeat(1000),
      readFileSync(join(directory, 'other', 'journal.snapshot')),
      readFileSync(journal()),
      untrue({ snapshot: 2 }),
      untrue({ events: count + 1 }),
      untrue({ events: `${count}` }),
      untrue({ bytes: 1e9 }),
      untrue({ bytes: -1 }),
      untrue({ checksum: null }),
      untrue({}, { fold: 2 }),
      untrue({}, { archloom: '0.0.9' }),
      untrue({}, { images: 'never.png' }),
      untrue({}, { state: { ...state, front: [{ ...state.front[0], trial: 1000 }] } }),
      untrue({}, { state: { ...state, proposed: state.proposed + 1 } }),
      untrue({}, { warnings: [{ type: 'search.warning' }] }),
      good.toString().replace(first!, () => JSON.stringify({ ...JSON.parse(withoutChecksum(first!)!), ...lie })),
      `${head}\n${first}\n`,
    ])
      await check(wrong)
    rmSync(snapshot())
    mkdirSync(snapshot())
    expect(view(await readRecord(journalReader(folder())))).toEqual(expected)
  })

  it.each([90, studies[0]!.length])(
    'that holds anything else under right checksums is refused, or read without a program error, after %i events',
    limits,
    async (count) => {
      await write(studies[0]!, count)
      const lines = readFileSync(snapshot(), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => withoutChecksum(line)!)
      const hostile = [
        'null',
        '0',
        '-1',
        '0.5',
        '1e999',
        '""',
        '"__proto__"',
        '[]',
        '{}',
        '[null]',
        '[[0]]',
        '"a.b"',
        'true',
      ]
      const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
      const paths = (value: unknown, path: readonly string[] = []): (readonly string[])[] =>
        typeof value === 'object' && value !== null
          ? [path, ...Object.entries(value).flatMap(([key, each]) => paths(each, [...path, key]))]
          : [path]
      const replaced = (text: string, at: number, by: string) => {
        const value = JSON.parse(text)
        // The first event has many values; most of them say nothing of what follows.
        const all = paths(value).filter((path) => path.length > 0 && (path[0] !== 'started' || path.length < 4))
        const path = all[at % all.length]!
        let parent = value
        for (const key of path.slice(0, -1)) parent = parent[key]
        parent[path.at(-1)!] = 'HOLE'
        return JSON.stringify(value).replace('"HOLE"', () => by)
      }
      await fc.assert(
        fc.asyncProperty(fc.nat(1), fc.nat(5000), fc.constantFrom(...hostile, deep), async (line, at, by) => {
          const text = lines.with(line + 1, replaced(lines[line + 1]!, at, by)).map((each) => withChecksum(each))
          writeFileSync(snapshot(), `${text.join('\n')}\n`)
          try {
            const record = await readRecord(journalReader(folder()))
            view(record)
          } catch (thrown) {
            if (!ArchloomError.is(thrown)) throw thrown
          }
        }),
        { numRuns: 4 * runs, seed: 1 },
      )
    },
  )
})

describe('a journal with a snapshot', () => {
  const events = studies[0]!
  const bytesOf = (count: number) =>
    readFileSync(journal(), 'utf8')
      .split('\n')
      .slice(0, count)
      .reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0)
  const same = async () => {
    const store = journalReader(folder())
    expect(view(await readRecord(store))).toEqual(view(await folded(store)))
    return eventsKept(store)
  }

  it('is read from there on as it grows, while a snapshot that it outgrew is replaced', async () => {
    await write(events.slice(0, 60), 60)
    expect(await same()).toBe(60)
    const store = journalStore(folder())
    // What this process has not read itself is not known to be what its fold holds.
    const record = new StudyRecord(store.name, store.location)
    store.snapshot!.keep(60, record.keep())
    expect(await same()).toBe(60)
    for await (const batch of store.read()) for (const event of batch) record.apply(event)
    for (const event of events.slice(60)) {
      store.append([event])
      record.apply(event)
    }
    expect(await same()).toBe(60)
    store.snapshot!.keep(events.length - 1, record.keep())
    expect(await same()).toBe(60)
    store.snapshot!.keep(events.length, record.keep())
    expect(await same()).toBe(events.length)
    await store.close()
    rmSync(snapshot())
    store.snapshot!.keep(events.length, record.keep())
    expect(existsSync(snapshot())).toBe(false)
  })

  it('is read from there on if it is cut after it, and without it if it is cut before', async () => {
    await write(events, 60)
    truncateSync(journal(), bytesOf(80) + 25)
    expect(await same()).toBe(60)
    truncateSync(journal(), bytesOf(60))
    expect(await same()).toBe(60)
    truncateSync(journal(), bytesOf(60) - 1)
    expect(await same()).toBeUndefined()
    // A writer mends the line and goes on otherwise, past the old length.
    const store = journalStore(folder())
    expect(store.notes).toHaveLength(1)
    for (const event of events.slice(59)) store.append([{ ...event, at: event.at + 1 }])
    await store.close()
    expect(await same()).toBeUndefined()
    truncateSync(journal(), 0)
    expect((await readRecord(journalReader(folder()))).isEmpty).toBe(true)
    await journalStore(folder()).close()
    expect(existsSync(folder())).toBe(false)
  })

  it('refuses a digit that has changed before it or after it, with its line', async () => {
    await write(events, 60)
    const lines = readFileSync(journal(), 'utf8').split('\n')
    for (const [from, to] of [
      [0, 60],
      [60, 1000],
    ] as const) {
      const at = lines.findIndex((line, i) => i >= from && i < to && /"trial.completed".*"sum":\d/.test(line))
      const changed = lines[at]!.replace(/"sum":\d/, '"sum":9')
      writeFileSync(journal(), lines.with(at, changed).join('\n'))
      await expect(readStudy('long', { directory })).rejects.toThrow(
        new RegExp(`ARCHLOOM_STUDY_CORRUPT: line ${at + 1} .*its checksum`),
      )
      // Whoever changes a line on purpose leaves its checksum out.
      writeFileSync(journal(), lines.with(at, changed.replace(/,"crc":"\w+"\}$/, '}')).join('\n'))
      const { trials } = await readStudy('long', { directory })
      expect(trials.filter(({ metrics }) => metrics.sum === 9)).toHaveLength(1)
    }
  })

  it('that was written by another process while this one was reading is not mixed with it', async () => {
    await write(events, 60)
    const recalled = await journalReader(folder()).snapshot!.recall()
    const parts: unknown[] = []
    await write(studies[1]!, 40, join(directory, 'other'))
    copyFileSync(join(directory, 'other', 'journal.snapshot'), `${snapshot()}.new`)
    renameSync(`${snapshot()}.new`, snapshot())
    for await (const part of recalled!.parts) parts.push(part)
    const record = new StudyRecord('long', folder())
    for (const event of events.slice(0, 60)) record.apply(event)
    expect(parts).toEqual([...record.keep()].map((part) => decodeJson(encodeJson(part))))
  })

  it('moves with its folder, and is removed with it', async () => {
    await write(events, 60)
    renameSync(folder(), join(directory, 'renamed'))
    const store = await journalStudies(directory).open('renamed')
    expect(await eventsKept(store)).toBe(60)
    expect((await readRecord(store)).name).toBe('renamed')
    expect(view(await readRecord(store))).toEqual(view(await folded(store)))
    await journalStudies(directory).remove('renamed')
    expect(readdirSync(directory)).toEqual([])
  })

  it('is listed, shown and exported as without it', async () => {
    await write(events, 200)
    const printed = async () => {
      let text = ''
      const terminal = { columns: 120, write: (more: string) => (text += more) }
      const output = outputTo({ stdout: terminal, stderr: terminal }, { json: true, verbose: false })
      const given = { studies: journalStudies(directory), top: 3, output }
      await ls(given)
      await show('long', { ...given, pictures: false })
      for (const as of ['data', 'code'] as const) await exportStudy('long', { ...given, as })
      return text
    }
    const withIt = await printed()
    expect(await eventsKept(journalReader(folder()))).toBe(200)
    rmSync(snapshot())
    expect(withIt.length).toBeGreaterThan(2000)
    expect(withIt).toBe(await printed())
  })

  it('has no artifact of that name', async () => {
    await write(events, 60)
    const { artifacts } = journalReader(folder())
    expect(await artifacts.list()).toEqual([])
    for (const act of [
      () => artifacts.read('journal.snapshot'),
      () => artifacts.write('journal.snapshot', Buffer.of()),
    ])
      await expect(act()).rejects.toThrow('ARCHLOOM_ARTIFACT_NAME')
  })

  it('loses nothing where the snapshot cannot be written, and gives its space to the journal', async () => {
    await write(events, 60)
    const before = readFileSync(snapshot())
    const full = join(folder(), 'journal.snapshot.part')
    const store = journalStore(folder())
    const record = await folded(store)
    symlinkSync('/dev/full', full)
    store.snapshot!.keep(events.length, record.keep())
    expect(existsSync(full)).toBe(false)
    mkdirSync(full)
    store.snapshot!.keep(events.length, record.keep())
    expect(readFileSync(snapshot())).toEqual(before)
    expect(await same()).toBe(60)
    await store.close()
    rmSync(full, { recursive: true })
    // A search also goes on if a part of the snapshot cannot be written.
    const again = journalStore(folder())
    await folded(again)
    again.snapshot!.keep(
      events.length,
      (function* () {
        yield {}
        throw new RangeError('Invalid string length')
      })(),
    )
    expect(await same()).toBe(60)
    await again.close()
    rmSync(journal())
    symlinkSync('/dev/full', journal())
    const onFull = journalStore(folder())
    expect(() => onFull.append([events[0]!])).toThrow('ARCHLOOM_STUDY_NOT_WRITABLE')
    expect(existsSync(snapshot())).toBe(false)
    await onFull.close()
  })
})

describe('a search', () => {
  const trialsOf = 4000

  it('keeps a snapshot of a long study as it grows and when it ends, and none of a short one', limits, async () => {
    const count = async () => (await readEvents(journalReader(folder()))).length
    const kept = new Set<number>()
    const run = async (maxTrials: number) => {
      await using search = compose({ name: 'long', directory }, { maxTrials, scheduled: false })
      search.on('trial.completed', ({ seq }) => {
        if (seq % 500 === 0 && existsSync(snapshot()))
          kept.add(JSON.parse(readFileSync(snapshot(), 'utf8').split('\n', 1)[0]!).events as number)
      })
      await search.finish()
      const store = journalReader(folder())
      expect(view(await readRecord(store))).toEqual(view(await folded(store)))
      return eventsKept(store)
    }
    const [, latest] = [await run(4000), ...kept].slice(-2)
    expect(kept.size).toBe(2)
    for (const [i, events] of [...kept].entries()) expect(events - 5000 * 2 ** i).toBeLessThan(10)
    // Few events after the latest doubling are read as fast without another one.
    expect(await eventsKept(journalReader(folder()))).toBe(latest)
    const before = await count()
    expect(before - latest!).toBeLessThan(5000)
    expect(await run(6000)).toBe(await count())
    // The second session began with one, for the first session may have been killed.
    expect([...kept][2]! - before).toBeLessThan(10)
    await using short = compose({ name: 'short', directory }, { maxTrials: 100 })
    await short.finish()
    await short[Symbol.asyncDispose]()
    expect(readdirSync(join(directory, 'short'))).toEqual(['journal.jsonl'])
  })

  it(
    'that is killed again and again, also while it writes a snapshot, reads the same with and without it',
    limits,
    async () => {
      const program = new URL('./killed-snapshot.ts', import.meta.url).pathname
      const started = (...args: string[]) =>
        spawn(process.execPath, ['--conditions=archloom-source', '--import', 'tsx', program, directory, ...args], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
      let seen = 0
      for (let round = 0; round < 5; round++) {
        const child = started(String(trialsOf), ...(round === 0 ? ['snapshot'] : []))
        const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
        let isRunning = true
        void ended.then(() => {
          isRunning = false
        })
        if (round % 4 !== 0) child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), 150 * round))
        // Another process reads all the while.
        while (isRunning) {
          if (existsSync(journal())) {
            const store = journalReader(folder())
            const recalled = await readRecord(store)
            const again = new StudyRecord(store.name, store.location)
            reading: for await (const batch of store.read())
              for (const event of batch) {
                if (event.seq > recalled.state.seq) break reading
                again.apply(event)
              }
            expect(view(recalled)).toEqual(view(again))
            seen = Math.max(seen, (await eventsKept(store)) ?? 0)
          }
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        await ended
        if (round === 0) {
          expect(readdirSync(folder()).sort()).toEqual(['journal.jsonl', 'journal.snapshot.part', 'lock'])
          expect(await journalReader(folder()).artifacts.list()).toEqual([])
          await journalStore(folder()).close()
          expect(readdirSync(folder())).toEqual(['journal.jsonl'])
        }
      }
      expect(seen).toBeGreaterThan(5000)
      const store = journalReader(folder())
      const record = await readRecord(store)
      expect(record.state.proposed).toBe(trialsOf)
      expect(view(record)).toEqual(view(await folded(store)))
      expect(readdirSync(folder()).sort()).toEqual(['journal.jsonl', 'journal.snapshot'])
    },
  )
})
