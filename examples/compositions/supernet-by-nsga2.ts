// Shared weights trained by SPOS and searched by NSGA-II: accuracy against multiply-adds over cells.
//     npx archloom run examples/compositions/supernet-by-nsga2.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { weightSharing } from 'archloom/evaluators/weight-sharing'
import { nsga2 } from 'archloom/plugins/nsga2'
import { spos } from 'archloom/plugins/spos'
import { cellSpace } from 'archloom/search-spaces/cell'

interface Options {
  readonly images?: number
  readonly trials?: number
  readonly epochs?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ images = 800, trials = 24, epochs = 4, study = {}, log = console.log }: Options = {}) {
  const data = generatedImages({ train: images, validation: Math.min(200, images), classes: 4, size: 16 })
  await using search = createSearch({
    space: cellSpace({ nodes: 2, channels: 4, cells: 3, operations: ['none', 'skip_connect', 'sep_conv_3x3'] }),
    evaluator: weightSharing({ data, batchSize: 16, statistics: 'recalibrated' }),
    plugins: [spos({ epochs, evolve: false }), nsga2({ population: Math.max(2, Math.floor(trials / 3)) })],
    objectives: { accuracy: 'maximise', multiplyAdds: 'minimise' },
    budget: { maxTrials: trials },
    study,
  })
  await search.finish()
  const front = search.front().map(({ metrics }) => [metrics.accuracy!, metrics.multiplyAdds!] as const)
  for (const [accuracy, multiplyAdds] of front) log(`accuracy ${accuracy.toFixed(3)}, ${multiplyAdds} multiply-adds`)
  return { front, completed: search.state().completed }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
