// Evolution that trains only what a score of the untrained network lets pass: synflow, naswot and the bound on multiply-adds
// are known before training.
//     npx archloom run examples/compositions/filtered-evolution.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { withZeroCost } from 'archloom/evaluators/zero-cost'
import { evolution } from 'archloom/plugins/evolution'
import { chainSpace } from 'archloom/search-spaces/chain'

interface Options {
  readonly images?: number
  readonly trials?: number
  readonly epochs?: number
  /** Networks with a smaller score are not trained. */
  readonly atLeast?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ images = 600, trials = 20, epochs = 1, atLeast = 40, ...rest }: Options = {}) {
  const { study = {}, log = console.log } = rest
  const data = generatedImages({ train: images, validation: Math.min(200, images), classes: 4, size: 16 })
  const proxies = { data, batchSize: 16, proxies: ['naswot', 'synflow'] } as const
  await using search = createSearch({
    space: chainSpace({ stem: 8, head: 16, stages: [{ widths: [8, 16], depth: { min: 1, max: 2 } }] }),
    evaluator: withZeroCost(trainFromScratch({ data, epochs }), proxies),
    plugins: [evolution({ population: 6, sample: 3 })],
    objectives: { accuracy: 'maximise', naswot: { direction: 'maximise', weight: 0, atLeast } },
    budget: { maxTrials: trials },
    study,
  })
  const { completed, pruned } = await search.finish()
  log(`${completed} networks were trained, ${pruned} were not worth it`)
  const [best] = search.best(1)
  return { completed, pruned, best: best?.architecture, naswot: best?.metrics.naswot }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
