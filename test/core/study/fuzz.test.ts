import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
  StudyRecord,
} from 'archloom'
import { journalStudies } from 'archloom/node'
import { asha } from 'archloom/plugins/asha'
import { random } from 'archloom/plugins/random'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportStudy } from '../../../core/cli/commands/export.ts'
import { ls } from '../../../core/cli/commands/ls.ts'
import { show } from '../../../core/cli/commands/show.ts'
import { outputTo } from '../../../core/cli/output.ts'
import { encodeEvent } from '../../../core/study/store.ts'
import { climbing, digits, sum } from '../search/parts.ts'

/** Many more in the nightly script. */
const inputs = process.env.ARCHLOOM_SLOW ? 10_000 : 300
const limits = { timeout: process.env.ARCHLOOM_SLOW ? 3_600_000 : 240_000 }

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-fuzz-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const compose = (study: unknown, scheduled: boolean) =>
  createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }, { trial }: { readonly trial: number }) => {
      if (trial === 2) throw new Error('out of luck')
      return { sum: sum(architecture), cost: trial === 4 ? Number.POSITIVE_INFINITY : 3 - sum(architecture) }
    },
    plugins: scheduled ? [random(), asha({ minFidelity: 1 / 4, eta: 2 })] : [climbing()],
    objectives: { sum: 'maximise', cost: 'minimise' },
    budget: { maxTrials: 8 },
    seed: 5,
    study,
  } as Parameters<typeof createSearch>[0])

async function linesOf(scheduled: boolean): Promise<string[]> {
  const store = memoryStore()
  await using search = compose(store, scheduled)
  await search.finish()
  return (await readEvents(store)).map(encodeEvent)
}
const asset = (name: string) =>
  readFileSync(new URL(`../../assets/journals/${name}.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
const whole = [await linesOf(false), await linesOf(true), asset('0.1-evolution'), asset('0.1-cnas')]

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
/** JSON texts that take the place of a value. */
const hostile = [
  ...['null', 'true', '0', '-1', '0.5', '1e308', '1e999', '-0', '4294967296', '9007199254740993', '""', '"toString"'],
  ...['"__proto__"', '"constructor"', '[]', '{}', '[null]', '{"__proto__":{"polluted":1}}', '{"constructor":{"a":1}}'],
  ...['{"$number":"NaN"}', '{"$number":"Infinity"}', '{"$number":{"valueOf":1}}', '[[0,1]]', '"\\ud800"', '"a.b.c"'],
  ...[deep(50), deep(20_000), JSON.stringify('x'.repeat(5000)), '{"length":1e9}', '"search.started"'],
]

type Path = readonly (string | number)[]
function pathsOf(value: unknown, path: Path = [], into: Path[] = []): Path[] {
  if (path.length > 0) into.push(path)
  if (typeof value === 'object' && value !== null)
    for (const key of Object.keys(value))
      pathsOf((value as Record<string, unknown>)[key], [...path, Array.isArray(value) ? Number(key) : key], into)
  return into
}
const HOLE = '\u0001hole\u0001'

/** The line with one value replaced, left out, or moved to another name. */
function spoilt(line: string, at: number, how: number): string {
  const event = JSON.parse(line) as Record<string, unknown>
  const paths = pathsOf(event)
  const path = paths[at % paths.length]!
  const parent = path.slice(0, -1).reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], event)
  const key = path.at(-1)!
  if (how === hostile.length) {
    if (Array.isArray(parent)) parent.splice(Number(key), 1)
    else delete (parent as Record<string, unknown>)[key]
    return JSON.stringify(event)
  }
  ;(parent as Record<string, unknown>)[key] = HOLE
  return JSON.stringify(event).replace(JSON.stringify(HOLE), () => hostile[how] ?? 'null')
}

const valueMutations = fc.record({
  journal: fc.nat(whole.length - 1),
  changes: fc.array(fc.tuple(fc.nat(200), fc.nat(400), fc.nat(hostile.length)), { minLength: 1, maxLength: 3 }),
})
const byteMutations = fc.record({
  journal: fc.nat(whole.length - 1),
  changes: fc.array(fc.tuple(fc.constantFrom('flip', 'cut', 'double', 'insert', 'swap'), fc.nat(), fc.nat(255)), {
    minLength: 1,
    maxLength: 4,
  }),
})

function withValues({ journal, changes }: typeof valueMutations extends fc.Arbitrary<infer T> ? T : never): string {
  const lines = [...whole[journal]!]
  for (const [line, at, how] of changes) {
    const i = line % lines.length
    try {
      lines[i] = spoilt(lines[i]!, at, how)
    } catch {
      // Spoilt before so that it is no JSON any more, or too deep.
    }
  }
  return `${lines.join('\n')}\n`
}
function withBytes({ journal, changes }: typeof byteMutations extends fc.Arbitrary<infer T> ? T : never): Buffer {
  let bytes = Buffer.from(`${whole[journal]!.join('\n')}\n`)
  for (const [how, where, value] of changes) {
    const at = where % bytes.length
    if (how === 'flip') bytes[at] = value
    if (how === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + (value >> 2))])
    if (how === 'insert') bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([value]), bytes.subarray(at)])
    if (how === 'double') bytes = Buffer.concat([bytes.subarray(0, at + value), bytes.subarray(at)])
    if (how === 'swap') {
      const lines = bytes.toString('latin1').split('\n')
      const [i, j] = [at % lines.length, (at + value) % lines.length]
      ;[lines[i], lines[j]] = [lines[j]!, lines[i]!]
      bytes = Buffer.from(lines.join('\n'), 'latin1')
    }
    if (bytes.length === 0) bytes = Buffer.from('\n')
  }
  return bytes
}

const silent = () => {
  const terminal = { columns: 100, write: () => true }
  return outputTo({ stdout: terminal, stderr: terminal }, { json: true, verbose: false })
}

/** Runs; an error without a code is not caught. */
async function coded(act: () => unknown): Promise<void> {
  try {
    await act()
  } catch (thrown) {
    if (!ArchloomError.is(thrown)) throw thrown
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
}

let next = 0
/** A folder with the study `mine`, its journal being `content`. */
async function inStudy(content: string | Buffer, act: (folder: string) => Promise<void>): Promise<void> {
  const folder = join(directory, String(next++))
  mkdirSync(join(folder, 'mine'), { recursive: true })
  writeFileSync(join(folder, 'mine', 'journal.jsonl'), content)
  try {
    await act(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Everything that a record computes when it is asked. */
function lookAt(record: StudyRecord) {
  JSON.stringify([record.state, record.best(3), record.front(), record.images, record.warnings])
  for (const trial of record.trials) JSON.stringify([trial.text, trial.architecture, trial.rungs, trial])
}

async function readWith(content: string | Buffer): Promise<void> {
  await inStudy(content, async (folder) => {
    await coded(async () => lookAt(await readStudy('mine', { directory: folder })))
  })
}
async function commandsWith(content: string | Buffer): Promise<void> {
  await inStudy(content, async (folder) => {
    const studies = journalStudies(folder)
    // One damaged study does not hide the others.
    await ls({ studies, output: silent() })
    await coded(() => show('mine', { studies, top: 3, pictures: false, output: silent() }))
    for (const as of ['data', 'code'] as const)
      await coded(() => exportStudy('mine', { studies, top: 3, as, output: silent() }))
  })
}
async function resumeWith(content: string | Buffer): Promise<void> {
  await inStudy(content, async (folder) => {
    for (const scheduled of [false, true])
      await coded(async () => {
        await using search = compose({ name: 'mine', directory: folder }, scheduled)
        await search.finish()
        search.best(3)
      })
  })
}

describe('damaged journals: every error has a code', limits, () => {
  it.each([
    ['readStudy', readWith],
    ['ls, show and export', commandsWith],
    ['resume', resumeWith],
  ] as const)('%s, with other values', async (_, act) => {
    await fc.assert(
      fc.asyncProperty(valueMutations, (mutation) => act(withValues(mutation))),
      { numRuns: inputs, interruptAfterTimeLimit: limits.timeout },
    )
  })

  it.each([
    ['readStudy', readWith],
    ['ls, show and export', commandsWith],
    ['resume', resumeWith],
  ] as const)('%s, with other bytes', async (_, act) => {
    await fc.assert(
      fc.asyncProperty(byteMutations, (mutation) => act(withBytes(mutation))),
      { numRuns: inputs, interruptAfterTimeLimit: limits.timeout },
    )
  })

  it('a record that is handed events of any form', async () => {
    await fc.assert(
      fc.asyncProperty(valueMutations, async (mutation) => {
        const events = withValues(mutation)
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as SearchEvent)
        const record = new StudyRecord('mine', 'memory')
        await coded(() => {
          for (const event of events) record.apply(event)
        })
        await coded(() => lookAt(record))
        const read = async function* () {
          yield events
        }
        await coded(async () => lookAt(await readRecord({ name: 'mine', location: 'memory', read })))
      }),
      { numRuns: inputs },
    )
  })
})
