// TPE and Hyperband together are BOHB. Here they choose a network and its normalisation, memorized batch normalisation
// among them, while the trainer of MBN trains with batches of two.
//     npx archloom run examples/compositions/bohb-over-normalisations.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { hyperband } from 'archloom/plugins/hyperband'
import { mbn, mbnNormalisation } from 'archloom/plugins/mbn'
import { tpe } from 'archloom/plugins/tpe'
import { normalisedSpace } from 'archloom/search-spaces/normalised'
import { toySpace } from 'archloom/search-spaces/toy'

interface Options {
  readonly images?: number
  readonly trials?: number
  readonly epochs?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ images = 600, trials = 12, epochs = 2, study = {}, log = console.log }: Options = {}) {
  const data = generatedImages({ train: images, validation: Math.min(200, images), classes: 4, size: 16 })
  await using search = createSearch({
    space: normalisedSpace(toySpace, ['batch-norm', 'group-norm', mbnNormalisation({ batches: 20, decay: 0.95 })]),
    evaluator: trainFromScratch({ data, epochs }),
    plugins: [
      tpe({ startup: 4 }),
      hyperband({ eta: 2, minFidelity: 0.25 }),
      mbn({ batchSize: 2, learningRate: 0.005 }),
    ],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: trials },
    study,
  })
  await search.finish()
  const { completed, failed } = search.state()
  const [best] = search.best(1)
  log(`best of ${trials}: ${JSON.stringify(best?.architecture)}, accuracy ${best?.metrics.accuracy}`)
  return { completed, failed, best: best?.architecture }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
