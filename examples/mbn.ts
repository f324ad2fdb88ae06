// Batches of two: batch normalisation against memorized batch normalisation with Double-Forward, then a search that
// chooses the normalisation. It takes some seconds.
//     npx archloom run examples/mbn.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { retrain, trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { mbn, mbnNormalisation, mbnTrainer } from 'archloom/plugins/mbn'
import { random } from 'archloom/plugins/random'
import { normalisedSpace } from 'archloom/search-spaces/normalised'
import { toySpace } from 'archloom/search-spaces/toy'

interface Options {
  readonly trials?: number
  readonly pictures?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 6, pictures = 600, study = {}, log = console.log }: Options = {}) {
  const data = generatedImages({ train: pictures, validation: 200, classes: 4, size: 16 })
  const memorized = mbnNormalisation({ batches: 20, decay: 0.95 })
  const trainer = mbnTrainer({ batchSize: 2, learningRate: 0.005 })

  // The same network with different normalisations. Double-Forward does not change networks without memory.
  const accuracies: Record<string, number> = {}
  for (const normalisation of ['batch-norm', 'group-norm', memorized] as const) {
    const space = toySpace({ normalisation })
    const name = typeof normalisation === 'string' ? normalisation : normalisation.name
    const build = space.build.bind(space, { layers: 2, filters: 8, kernel: 3 })
    using trained = await retrain({ build }, { data, epochs: 1, trainer, seed: 1 })
    accuracies[name] = trained.testAccuracy!
    log(`batches of two, ${name}: test accuracy ${trained.testAccuracy!.toFixed(3)}`)
  }

  await using search = createSearch({
    space: normalisedSpace(toySpace, ['batch-norm', 'group-norm', memorized]),
    evaluator: trainFromScratch({ data, epochs: 1 }),
    plugins: [random(), mbn({ batchSize: 2, learningRate: 0.005 })],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: trials },
    seed: 2,
    study,
  })
  await search.finish()
  const [best] = search.best(1)
  log(`best of ${trials}: ${JSON.stringify(best?.architecture)}, accuracy ${best?.metrics.accuracy}`)
  return { study: search.study, accuracies, best: best?.architecture }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
