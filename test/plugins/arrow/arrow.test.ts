import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createSearch,
  defineSpace,
  integer,
  memoryStore,
  oneOf,
  product,
  readRecord,
  readStudy,
  real,
  when,
} from 'archloom'
import { studyArrow } from 'archloom/plugins/arrow'
import { random } from 'archloom/plugins/random'
import { expect, it } from 'vitest'
import { archloom } from '../../core/cli/terminal.ts'

interface Table {
  readonly numRows: number
  readonly schema: {
    readonly fields: readonly { readonly name: string; readonly type: object }[]
    readonly metadata: ReadonlyMap<string, string>
  }
  getChild(name: string): (Iterable<unknown> & { readonly nullCount: number }) | null
}
// By a variable, because the package is optional.
const name = 'apache-arrow'
const { tableFromIPC } = (await import(name)) as { tableFromIPC(bytes: Uint8Array): Table }

const space = defineSpace(
  'arrow',
  product({
    op: oneOf('a,b', 'naïve "c"', 'new\nline'),
    depth: integer(1, 4),
    bias: oneOf(true, false),
    rate: real(0, 1),
    share: oneOf(0.5, 1),
    large: oneOf(1, 2 ** 40),
    mixed: oneOf('x', 3, [1, 2]),
    maybe: when(oneOf(true, false), () => integer(1, 2)),
  }),
)

const search = (study: NonNullable<Parameters<typeof createSearch>[0]['study']>) =>
  createSearch({
    space,
    evaluator: ({ rate }, { trial }) => {
      if (trial === 2) throw new Error('no luck')
      return { value: rate, extra: trial === 1 ? Number.POSITIVE_INFINITY : trial === 3 ? Number.NaN : 7 }
    },
    plugins: [random()],
    objectives: { value: { direction: 'maximise', atLeast: 0.5 } },
    budget: { maxTrials: 6 },
    study,
  })

const typesOf = (table: Table) =>
  Object.fromEntries(table.schema.fields.map((field) => [field.name, String(field.type)]))

it('a study as Arrow has typed columns, and every value of every trial', async () => {
  const store = memoryStore()
  await using made = search(store)
  await made.finish()
  const record = await readRecord(store)
  const bytes = await studyArrow(record)
  const table = tableFromIPC(bytes)
  expect(table.numRows).toBe(6)
  const word = 'Dictionary<Int32, Utf8>'
  expect(typesOf(table)).toEqual({
    trial: 'Int32',
    status: word,
    fidelity: 'Float64',
    reward: 'Float64',
    feasible: 'Bool',
    violation: 'Float64',
    elapsedMs: 'Float64',
    simulatedSeconds: 'Float64',
    genotype: 'Utf8',
    failure: word,
    'architecture.op': word,
    'architecture.depth': 'Int32',
    'architecture.bias': 'Bool',
    'architecture.rate': 'Float64',
    'architecture.share': 'Float64',
    'architecture.large': 'Float64',
    'architecture.mixed': word,
    'architecture.maybe.when': 'Bool',
    'architecture.maybe': 'Int32',
    'metrics.value': 'Float64',
    'metrics.extra': 'Float64',
  })
  const cells = (column: string) => [...table.getChild(column)!]
  record.trials.forEach((trial, i) => {
    const { op, depth, bias, rate, share, large, mixed } = trial.architecture as {
      readonly [name: string]: number | string
    }
    expect(cells('trial')[i]).toBe(i)
    expect(cells('status')[i]).toBe(trial.status)
    expect(cells('reward')[i]).toBe(trial.reward ?? null)
    expect(cells('feasible')[i]).toBe(trial.feasible ?? null)
    expect(cells('genotype')[i]).toBe(trial.text)
    const row = ['op', 'depth', 'bias', 'rate', 'share', 'large'].map(
      (decision) => cells(`architecture.${decision}`)[i],
    )
    expect(row).toEqual([op, depth, bias, rate, share, large])
    expect(cells('architecture.mixed')[i]).toBe(typeof mixed === 'string' ? mixed : JSON.stringify(mixed))
    expect(cells('metrics.value')[i]).toBe(trial.metrics.value ?? null)
  })
  expect(cells('metrics.extra')).toEqual([7, Number.POSITIVE_INFINITY, null, Number.NaN, 7, 7])
  expect(cells('failure')).toEqual([null, null, 'ARCHLOOM_EVALUATION_THREW', null, null, null])
  expect(table.getChild('metrics.value')!.nullCount).toBe(1)
  expect(table.getChild('simulatedSeconds')!.nullCount).toBe(6)
  expect(Object.fromEntries(table.schema.metadata)).toMatchObject({
    'archloom.space': 'arrow',
    'archloom.objectives': JSON.stringify(record.started.objectives),
    'archloom.seed': '1',
  })
  // The same study is the same file.
  expect(Buffer.compare(bytes, await studyArrow(record))).toBe(0)
})

it('a study without trials has its columns', async () => {
  const store = memoryStore()
  await using made = createSearch({
    space,
    evaluator: () => ({ value: 1 }),
    plugins: [random()],
    objectives: { value: 'maximise' },
    budget: { maxTrials: 1 },
    study: store,
  })
  const controller = new AbortController()
  controller.abort()
  for await (const _ of made.run({ signal: controller.signal }));
  const table = tableFromIPC(await studyArrow(await readRecord(store)))
  expect(table.numRows).toBe(0)
  expect(typesOf(table)).toMatchObject({ trial: 'Int32', 'architecture.op': 'Dictionary<Int32, Utf8>' })
})

it('archloom export --as arrow writes the file, and asks for --out and for the package', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'archloom-arrow-'))
  try {
    const storage = `journal:${directory}`
    await using made = search({ name: 'typed', storage })
    await made.finish()
    const out = join(directory, 'typed.arrow')
    const { code } = await archloom('export', 'typed', '--as', 'arrow', '--out', out, '--storage', storage)
    expect(code).toBe(0)
    const table = tableFromIPC(readFileSync(out))
    expect(table.numRows).toBe(6)
    const missing = await archloom('export', 'typed', '--as', 'arrow', '--storage', storage)
    expect(missing.stderr).toMatch(/^ARCHLOOM_EXPORT_OUT/)
    const study = await readStudy('typed', { storage })
    await expect(studyArrow(study, () => Promise.reject(new Error('Cannot find package')))).rejects.toThrow(
      /ARCHLOOM_ARROW_PACKAGE_MISSING: .*npm install apache-arrow/s,
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})
