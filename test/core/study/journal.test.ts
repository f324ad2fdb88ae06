import { spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { createSearch, definePlugin, memoryStore, type Plugin, readEvents, type SearchEvent } from 'archloom'
import { journalStore, readJournal } from 'archloom/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { crc32Of, withChecksum, withoutChecksum } from '../../../core/node/checksum.ts'
import { asha } from '../../../plugins/asha/index.ts'
import { random } from '../../../plugins/random/index.ts'
import { tpe } from '../../../plugins/tpe/index.ts'
import { climber, climbing, digits, sum } from '../search/parts.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-journal-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const compose = (options: Partial<Parameters<typeof createSearch>[0]> = {}) =>
  createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
    plugins: [climbing()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 20 },
    seed: 5,
    study: { name: 'mine', directory },
    ...options,
  } as Parameters<typeof createSearch>[0])

const journal = () => join(directory, 'mine', 'journal.jsonl')
const eventsOf = (file: string) => readEvents({ read: () => readJournal(file) })
const proposals = (events: readonly SearchEvent[]) =>
  events.flatMap((e) => (e.type === 'trial.proposed' ? [e.genotype] : []))
const expectedProposals = async () => {
  const store = memoryStore()
  await using search = compose({ study: store })
  await search.finish()
  return proposals(await readEvents(store))
}

describe('the journal', () => {
  it('holds every event before anybody sees it', async () => {
    await using search = compose()
    for await (const event of search.run()) {
      if (event.type === 'best.changed' || event.type === 'pareto.changed') continue
      const lines = readFileSync(journal(), 'utf8').trimEnd().split('\n')
      const { crc, ...written } = JSON.parse(lines[event.seq]!)
      expect(written).toEqual(event)
      expect(crc).toMatch(/^[0-9a-f]{8}$/)
    }
  })

  it('goes on where a study of that name ended, as if it had never stopped', async () => {
    for (const maxTrials of [7, 13, 20]) {
      await using search = compose({ budget: { maxTrials } })
      expect((await search.finish()).completed).toBe(maxTrials)
    }
    expect(proposals(await eventsOf(journal()))).toEqual(await expectedProposals())
  })

  it('mends a line cut in the middle, says so, and goes on', async () => {
    {
      await using search = compose({ budget: { maxTrials: 7 } })
      await search.finish()
    }
    const whole = readFileSync(journal(), 'utf8')
    for (const cut of [1, 30, 100]) {
      writeFileSync(journal(), whole.slice(0, whole.length - cut))
      await using search = compose()
      await search.finish()
      const events = await eventsOf(journal())
      expect(proposals(events)).toEqual(await expectedProposals())
      expect(events.find((e) => e.type === 'search.warning')).toMatchObject({ code: 'ARCHLOOM_STUDY_MENDED' })
    }
  })

  it('refuses an unreadable line that is not the last one, with its number', async () => {
    {
      await using search = compose({ budget: { maxTrials: 3 } })
      await search.finish()
    }
    const lines = readFileSync(journal(), 'utf8').split('\n')
    lines[4] = '{"seq":4,"type":"tri'
    writeFileSync(journal(), lines.join('\n'))
    await expect(compose().open()).rejects.toThrow(/ARCHLOOM_STUDY_CORRUPT.*line 5/)
    // Refusing leaves no lock behind.
    expect(existsSync(join(directory, 'mine', 'lock'))).toBe(false)
  })

  it('refuses a line that is still JSON but not what was written, and reads one without a checksum', async () => {
    {
      await using search = compose({ budget: { maxTrials: 3 } })
      await search.finish()
    }
    const lines = readFileSync(journal(), 'utf8').split('\n')
    const at = lines.findIndex((line) => line.includes('"trial.completed"'))
    const changed = lines[at]!.replace(/"sum":\d+/, '"sum":77')
    expect(changed).not.toBe(lines[at])
    writeFileSync(journal(), lines.with(at, changed).join('\n'))
    await expect(readEvents({ read: () => readJournal(journal()) })).rejects.toThrow(
      new RegExp(`ARCHLOOM_STUDY_CORRUPT: line ${at + 1} .*not what was written \\(its checksum`),
    )
    // Whoever changes a line on purpose leaves its checksum out.
    writeFileSync(journal(), lines.with(at, changed.replace(/,"crc":"\w+"\}$/, '}')).join('\n'))
    const events = await readEvents({ read: () => readJournal(journal()) })
    expect(events[at]).toMatchObject({ metrics: { sum: 77 } })
  })

  it('has the checksums of gzip and PNG, whichever Node computes them', () => {
    for (const text of ['', '123456789', 'µ – 漢字', JSON.stringify({ a: [1, 2.5, null] })])
      expect(crc32Of(text)).toBe(crc32(text))
    expect(crc32Of('123456789')).toBe(0xcbf43926)
    expect(withoutChecksum(withChecksum('{"a":1}'))).toBe('{"a":1}')
    expect(withoutChecksum('{"a":1}')).toBe('{"a":1}')
  })

  it('refuses another seed, space, concurrency or objective under the same name', async () => {
    {
      await using search = compose()
      await search.finish()
    }
    await expect(compose({ seed: 6 }).open()).rejects.toThrow(/ARCHLOOM_STUDY_MISMATCH.*seed/)
    await expect(compose({ objectives: { sum: 'minimise' } }).open()).rejects.toThrow(
      /ARCHLOOM_STUDY_MISMATCH.*objectives/,
    )
  })

  it('shows only the objective that differs', async () => {
    const both = (atMost: number) =>
      compose({
        objectives: { sum: 'maximise', other: { direction: 'minimise', atMost } },
        study: { name: 'bounded', directory },
      })
    {
      await using search = both(3)
      await search.open()
      await search.finish().catch(() => {})
    }
    const thrown: unknown = await both(4)
      .open()
      .catch((error: unknown) => error)
    expect(thrown).toMatchObject({
      code: 'ARCHLOOM_STUDY_MISMATCH',
      details: { received: [{ metric: 'other', atMost: 4 }], expected: [{ metric: 'other', atMost: 3 }] },
    })
  })

  it('refuses another controller or scheduler although it would propose the same, and lets observers come and go', async () => {
    const made = (plugins: Plugin[], trials: number) =>
      compose({ plugins, budget: { maxTrials: trials }, study: { name: 'same', directory } })
    const watching = definePlugin({ name: 'watching', bind: () => {} })
    {
      await using search = made([random(), watching], 3)
      await search.finish()
    }
    const plugins = '"random, watching"'
    for (const others of [[tpe()], [random(), asha({ minFidelity: 1 / 3 })]])
      await expect(made(others, 4).open()).rejects.toThrow(
        new RegExp(`ARCHLOOM_STUDY_MISMATCH.*made with plugins ${plugins}, and this search has "${others.map(({ name }) => name).join(', ')}"`), // biome-ignore format: one line
      )
    await using search = made([random()], 4)
    expect((await search.finish()).completed).toBe(4)
  })

  it('refuses a controller that proposes otherwise than the journal', async () => {
    {
      await using search = compose({ budget: { maxTrials: 5 } })
      await search.finish()
    }
    const other = climbing((space, rng) => ({
      ...climber(space, rng),
      propose: (r) => ({ genotype: space.random(r.fork('other')) }),
    }))
    await expect(compose({ plugins: [other] }).open()).rejects.toThrow(/ARCHLOOM_STUDY_DIVERGED.*trial 0/)
  })

  it('refuses a second writer, and passes over the lock of a dead one', async () => {
    {
      await using search = compose()
      await search.open()
      await expect(compose().open()).rejects.toThrow(new RegExp(`ARCHLOOM_STUDY_LOCKED.*${process.pid}`))
      await search.finish()
    }
    writeFileSync(join(directory, 'mine', 'lock'), '999999999')
    await using again = compose({ budget: { maxTrials: 21 } })
    expect((await again.finish()).completed).toBe(21)
  })

  it('passes over a lock of its own number that it does not hold: a container started anew', async () => {
    mkdirSync(join(directory, 'mine'))
    writeFileSync(join(directory, 'mine', 'lock'), String(process.pid))
    await using search = compose()
    expect((await search.finish()).completed).toBe(20)
    expect(readdirSync(join(directory, 'mine')).sort()).toEqual(['journal.jsonl', 'lock'])
  })

  it('a search that never ran leaves no study behind', async () => {
    const search = compose()
    await search.open()
    expect(existsSync(journal())).toBe(true)
    await search[Symbol.asyncDispose]()
    expect(readdirSync(directory)).toEqual([])
  })

  it('says where it cannot write', () => {
    writeFileSync(join(directory, 'file'), '')
    expect(() => journalStore(join(directory, 'file', 'study'))).toThrow('ARCHLOOM_STUDY_NOT_WRITABLE')
  })

  it('reads a growing file without its unfinished last line', async () => {
    const store = journalStore(join(directory, 'growing'))
    store.append([{ seq: 0, type: 'search.warning', code: 'X', message: 'ä→', at: 1 }])
    appendFileSync(join(directory, 'growing', 'journal.jsonl'), '{"seq":1,"ty')
    expect(await readEvents(store)).toEqual([{ seq: 0, type: 'search.warning', code: 'X', message: 'ä→', at: 1 }])
    store.close()
    store.close()
  })
})

describe('a killed process', () => {
  it('loses no finished trial and repeats none', { timeout: 120_000 }, async () => {
    const program = new URL('./killed.ts', import.meta.url).pathname
    const seen = new Set<string>()
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['--conditions=archloom-source', '--import', 'tsx', program, directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      // Kill it at some point of its work: after so many completed trials were seen from outside.
      const killAfter = [3, 5, 2, Number.POSITIVE_INFINITY][round] as number
      let completed = 0
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (text: Buffer) => {
          for (const line of text.toString().split('\n').filter(Boolean)) {
            seen.add(line)
            if (++completed === killAfter) child.kill('SIGKILL')
          }
        })
        child.on('exit', () => resolve())
      })
    }
    const events = await eventsOf(journal())
    const finished = events.flatMap((e) => (e.type === 'trial.completed' ? [`${e.trial}:${e.genotype.join('')}`] : []))
    expect(new Set(finished).size).toBe(finished.length)
    expect(finished).toHaveLength(20)
    for (const line of seen) expect(finished).toContain(line)
    expect(proposals(events)).toEqual(await expectedProposals())
    expect(events.filter((e) => e.type === 'search.resumed').length).toBe(3)
  })
})
