// TPE that begins with what another strategy found: the results of a random search are told to it first.
//     npx archloom run examples/compositions/warm-started.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { random } from 'archloom/plugins/random'
import { tpe } from 'archloom/plugins/tpe'
import { convnetSpace } from 'archloom/search-spaces/convnet'

interface Options {
  readonly images?: number
  readonly trials?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ images = 600, trials = 6, study = {}, log = console.log }: Options = {}) {
  const data = generatedImages({ train: images, validation: Math.min(200, images), classes: 4, size: 16 })
  const name = study.name ?? 'warm-started'
  const parts = {
    space: convnetSpace({ widths: [8, 16], stages: 2, maxDepth: 2 }),
    evaluator: trainFromScratch({ data, epochs: 1 }),
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: trials },
  } as const
  await using first = createSearch({ ...parts, plugins: [random()], study: { ...study, name: `${name}-random` } })
  await first.finish()
  await using second = createSearch({
    ...parts,
    plugins: [tpe({ startup: trials })],
    study: { ...study, name: `${name}-tpe` },
    warmStart: first.record(),
  })
  await second.finish()
  const [before] = first.best(1)
  const [after] = second.best(1)
  log(`random ${before?.metrics.accuracy?.toFixed(3)}, then TPE ${after?.metrics.accuracy?.toFixed(3)}`)
  return { warm: second.record().trials.length, best: after?.metrics.accuracy, cite: second.cite() }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
