// The space of HNAS searched by NSGA-II instead of HNAS, with the training of DRN, for two objectives: PSNR, and the
// latency that is measured on this machine.
//     npx archloom run examples/compositions/hnas-space-by-nsga2.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { type PatchDataset, superResolutionData } from 'archloom/evaluators/data/images'
import { upscalingQuality } from 'archloom/evaluators/metrics'
import { latencyOf } from 'archloom/evaluators/profile'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { drn } from 'archloom/plugins/drn'
import { nsga2 } from 'archloom/plugins/nsga2'
import { superResolutionSpace, type UpscalingNetwork } from 'archloom/search-spaces/super-resolution'

interface Options {
  readonly data?: PatchDataset
  readonly trials?: number
  readonly epochs?: number
  readonly channels?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 12, epochs = 1, channels = 8, study = {}, ...rest }: Options = {}) {
  const { log = console.log } = rest
  const data = rest.data ?? (await superResolutionData({ scale: 2, patch: 16 }))
  await using search = createSearch({
    space: superResolutionSpace({ scale: 2, cells: 2, nodes: 1, channels, shortcut: 'bicubic' }),
    evaluator: trainFromScratch({
      data,
      epochs,
      metrics: {
        psnr: async ({ network }) => {
          const { upscale } = network as UpscalingNetwork
          return (await upscalingQuality((lr) => upscale(lr, { training: false }), data.validation.pairs)).psnr
        },
        latencyMs: async ({ network }) => (await latencyOf(network, { repeats: 5 })).milliseconds,
      },
    }),
    plugins: [nsga2({ population: Math.max(2, Math.floor(trials / 3)) }), drn({ dualWeight: 0.1, batchSize: 8 })],
    objectives: { psnr: 'maximise', latencyMs: 'minimise' },
    budget: { maxTrials: trials },
    study,
  })
  await search.finish()
  const front = search.front().map(({ metrics }) => ({ psnr: metrics.psnr!, latencyMs: metrics.latencyMs! }))
  for (const { psnr, latencyMs } of front) log(`${psnr.toFixed(2)} dB in ${latencyMs.toFixed(2)} ms`)
  return { front, completed: search.state().completed }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
