import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  createSearch,
  defineSpace,
  memoryStore,
  oneOf,
  product,
  readEvents,
  real,
  type SearchSpace,
  variant,
} from 'archloom'
import { optunaJournal, optunaResults } from 'archloom/plugins/optuna-journal'
import { random } from 'archloom/plugins/random'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { digits, sum } from '../../core/search/parts.ts'

/** A journal of Optuna 5.0.0: a study "other", and "tuned" with a branch, a failure, an added and an unfinished trial. */
const STUDY = fileURLToPath(new URL('../../assets/optuna-study.log', import.meta.url))

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-optuna-results-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const tuned = defineSpace(
  'tuned',
  product({
    model: variant({ plain: product({}), deep: product({ depth: oneOf(2, 4, 6, 8) }) }),
    rate: real(1e-4, 1e-1, { scale: 'log' }),
    flip: oneOf(false, true),
  }),
)

it('the completed trials of a study of Optuna are results of a space whose decisions are called like its parameters', async () => {
  const results = await optunaResults({ file: STUDY, study: 'tuned', space: tuned })
  // Trial 1 failed, trial 7 has not ended.
  expect(results).toHaveLength(6)
  const architectures = results.map(({ genotype }) => tuned.decode(genotype))
  for (const [i, { model, rate, flip }] of architectures.entries()) {
    const depth = model.type === 'deep' ? model.depth : 0
    const isAdded = i === 5
    expect(results[i]!.metrics).toEqual(
      isAdded ? { accuracy: 9, cost: 0.5 } : { accuracy: depth + Number(flip), cost: rate, seconds: 1.5 },
    )
  }
  expect(architectures[5]).toEqual({ model: { type: 'plain' }, rate: 0.01, flip: true })
  expect(new Set(architectures.map(({ model }) => model.type)).size).toBe(2)
})

it('a search starts with the results of a study of Optuna', async () => {
  const store = memoryStore()
  await using search = createSearch({
    space: tuned,
    evaluator: () => ({ accuracy: 1, cost: 1 }),
    plugins: [random()],
    objectives: { accuracy: 'maximise', cost: 'minimise' },
    budget: { maxTrials: 1 },
    warmStart: await optunaResults({ file: STUDY, study: 'tuned', space: tuned }),
    study: store,
  })
  await search.finish()
  const warmed = (await readEvents(store)).find(({ type }) => type === 'controller.warmed')
  expect(warmed).toMatchObject({ from: 'results', trials: { length: 6 } })
})

it('what optunaJournal writes comes back as it was', async () => {
  const file = join(directory, 'journal.log')
  const compose = () =>
    createSearch({
      space: digits,
      evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture), other: 0.5 }),
      plugins: [random(), optunaJournal({ file })],
      objectives: { sum: 'maximise' },
      budget: { maxTrials: 8 },
      study: { name: 'mine', directory },
    })
  const search = compose()
  await search.finish()
  const { trials } = search.record()
  await search[Symbol.asyncDispose]()
  expect(await optunaResults({ file, space: digits })).toEqual(
    trials.map(({ genotype, metrics }) => ({ genotype, metrics })),
  )
})

it.each([
  ['a file that does not exist', { file: '/no/such.log' }, /^ARCHLOOM_OPTUNA_READ: .*no such file/],
  ['no name where there are several', { file: STUDY }, /^ARCHLOOM_OPTUNA_STUDY: .*has no study .*"other","tuned"/],
  ['another name', { file: STUDY, study: 'tune' }, /^ARCHLOOM_OPTUNA_STUDY: .*has no study "tune"/],
  ['values without names', { file: STUDY, study: 'other' }, /^ARCHLOOM_OPTUNA_METRICS: .*expected 1 of them/],
  ['too few names', { file: STUDY, study: 'tuned', metrics: ['accuracy'] }, /^ARCHLOOM_OPTUNA_METRICS: .*expected 2/],
  ['a misspelt option', { file: STUDY, metric: ['accuracy'] } as never, /^ARCHLOOM_OPTION: .*metrics/],
] as const)('%s is refused', async (_, given, message) => {
  await expect(optunaResults({ space: tuned, ...(given as object) } as never)).rejects.toThrow(message)
})

it.each([
  [
    'a parameter of another name',
    { digits: oneOf(1, 2) },
    /^ARCHLOOM_OPTUNA_PARAMETER: trial 0 .* has no parameter "digits"/,
  ],
  [
    'an option that the decision lacks',
    { flip: oneOf(false, 'yes') },
    /has the value true of parameter "flip"; expected one of \[false,"yes"\]/,
  ],
  ['a number out of range', { rate: real(0.5, 1) }, /of parameter "rate"; expected a number from 0\.5 to 1/],
] as const)('%s is refused with the trial that has it', async (_, nodes, message) => {
  const space = defineSpace('other', product(nodes as never)) as SearchSpace
  await expect(optunaResults({ file: STUDY, study: 'tuned', space })).rejects.toThrow(message)
})

it('a line that is no record is refused by its number', async () => {
  const file = join(directory, 'damaged.log')
  writeFileSync(file, '{"op_code":0,"study_name":"a","directions":[1]}\n{"op_code":4,\n')
  await expect(optunaResults({ file, space: tuned })).rejects.toThrow(/^ARCHLOOM_OPTUNA_JOURNAL_LINE: line 2 /)
})
