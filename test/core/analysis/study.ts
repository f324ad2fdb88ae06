import { createSearch, memoryStore, readRecord, type SearchSpace } from 'archloom'
import { random } from 'archloom/plugins/random'

/** A study of random trials of a function. */
export async function studyOf(
  space: SearchSpace<never>,
  metrics: (genotype: readonly number[], trial: number) => Record<string, number>,
  {
    trials = 60,
    seed = 1,
    objectives = { value: 'maximise' } as Record<string, 'maximise' | 'minimise'>,
    name = 'study',
  } = {},
) {
  const store = memoryStore(name)
  await using search = createSearch({
    space: space as SearchSpace,
    evaluator: (_architecture, { genotype, trial }) => metrics(genotype, trial),
    plugins: [random()],
    objectives,
    budget: { maxTrials: trials },
    study: store,
    seed,
  })
  await search.finish()
  return readRecord(store)
}
