// The first search: 27 tiny networks, generated images, and evolution. It takes some seconds.
//     npx archloom run examples/quickstart.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { evolution } from 'archloom/plugins/evolution'
import { toySpace } from 'archloom/search-spaces/toy'

interface Options {
  readonly trials?: number
  readonly pictures?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 12, pictures = 1000, study = {}, log = console.log }: Options = {}) {
  await using search = createSearch({
    space: toySpace(),
    evaluator: trainFromScratch({ data: generatedImages({ train: pictures, validation: 500, classes: 4 }), epochs: 3 }),
    plugins: [evolution({ population: 4, sample: 2 })],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: trials },
    seed: 7,
    study,
  })
  for await (const event of search.run())
    if (event.type === 'trial.completed') log(`trial ${event.trial}: accuracy ${event.metrics.accuracy}`)

  const [best] = search.best(1)
  log(`best: ${JSON.stringify(best?.architecture)}, accuracy ${best?.metrics.accuracy}`)
  log(`study: ${search.study}`)
  return { study: search.study, best: best?.architecture, accuracy: best?.metrics.accuracy }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
