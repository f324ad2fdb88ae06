// Super-resolution ×2: a joint search for blocks and the position of the enlarging one on shared weights. Then the
// winner is trained from scratch without normalisation and compared with bicubic.
//     npx archloom run examples/hnas.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { describeDataset } from 'archloom/evaluators/data'
import { type PatchDataset, superResolutionData } from 'archloom/evaluators/data/images'
import { upscalingQuality } from 'archloom/evaluators/metrics'
import { hnas, retrainUpscaler, sharedUpscaling } from 'archloom/plugins/hnas'
import { bicubicUpsampling, superResolutionSpace } from 'archloom/search-spaces/super-resolution'

interface Options {
  /** Default: T91 and Set5, or generated scenes if they are not available. */
  readonly data?: PatchDataset
  readonly epochs?: number
  /** Number of weight steps per epoch; the policy takes half as many. */
  readonly steps?: number
  readonly retrainEpochs?: number
  /** λ: 1 is quality alone, 0 cost alone. */
  readonly tradeOff?: number
  readonly directory?: string
  readonly log?: (text: string) => void
}

export async function main(options: Options = {}) {
  const { epochs = 4, steps = 200, retrainEpochs = 4, tradeOff = 0.6, directory, log = console.log } = options
  const data = options.data ?? (await superResolutionData({ scale: 2, patch: 16 }))
  log(describeDataset(data))

  // A small space with a shortcut, so that minutes are enough. The paper uses 12 cells, 4 nodes, 64 channels and no
  // shortcut.
  const form = { scale: 2, cells: 4, nodes: 2, channels: 16, shortcut: 'bicubic' } as const
  const study: StudyOptions = directory === undefined ? {} : { directory }
  await using search = createSearch({
    space: superResolutionSpace({ ...form, normalised: true }),
    evaluator: sharedUpscaling({ data, batchSize: 4, images: 4, calibrationBatches: 8 }),
    plugins: [
      hnas({
        tradeOff,
        costUnit: 1e8,
        aboveBicubic: true,
        warmUp: { epochs: 1 },
        epochs,
        weightSteps: steps,
        policySteps: Math.ceil(steps / 2),
        // There are few steps, so weights and policy learn faster than in the paper. At 0.01, weights learn only the
        // bicubic result.
        learningRate: 3e-3,
        candidates: 6,
        controller: { hidden: 32, learningRate: 5e-3, entropyWeight: 0.01 },
      }),
    ],
    objectives: { psnr: 'maximise' },
    budget: {},
    seed: 7,
    study,
  })
  for await (const event of search.run()) {
    if (event.type === 'weights.progress') log(`weights: L1 ${event.metrics.loss?.toFixed(2)} grey levels`)
    if (event.type === 'policy.progress')
      log(`policy: ${event.metrics.psnr?.toFixed(2)} dB above bicubic at a cost of ${event.metrics.cost?.toFixed(2)}`)
    if (event.type === 'trial.completed') log(`derived: ${event.reward.toFixed(2)} dB with shared weights`)
  }
  const [best] = search.best(1)
  if (!best) throw new Error('the search derived nothing')

  const final = superResolutionSpace(form)
  const winner = { build: final.build.bind(final, best.architecture) }
  using trained = await retrainUpscaler(winner, { data, epochs: retrainEpochs, batchSize: 8 })
  const bicubic = bicubicUpsampling({ factor: 2 })
  const start = await upscalingQuality((lr) => bicubic(lr, { training: false }), data.test.pairs)
  log(`upsampling in cell ${best.architecture.position + 1} of ${form.cells}; ${trained.parameters} parameters`)
  log(`test images: ${trained.test.psnr.toFixed(2)} dB, bicubic ${start.psnr.toFixed(2)} dB`)
  return { architecture: best.architecture, psnr: trained.test.psnr, bicubic: start.psnr }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
