// Two methods in sequence: a super-resolution network found by HNAS is trained in the closed loop of DRN, in which its
// result must shrink to the small image again. It is compared with the same network trained without the loop.
//     npx archloom run examples/hnas-with-drn.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { describeDataset } from 'archloom/evaluators/data'
import { type PatchDataset, superResolutionData } from 'archloom/evaluators/data/images'
import { dualRegressionTrainer } from 'archloom/plugins/drn'
import { hnas, retrainUpscaler, sharedUpscaling } from 'archloom/plugins/hnas'
import { superResolutionSpace } from 'archloom/search-spaces/super-resolution'

interface Options {
  /** Default: T91 and Set5, or generated scenes if they are not available. */
  readonly data?: PatchDataset
  readonly epochs?: number
  /** Number of weight steps, and of policy steps, per epoch. */
  readonly steps?: number
  readonly retrainEpochs?: number
  readonly directory?: string
  readonly log?: (text: string) => void
}

export async function main(options: Options = {}) {
  const { epochs = 4, steps = 200, retrainEpochs = 4, directory, log = console.log } = options
  const data = options.data ?? (await superResolutionData({ scale: 2, patch: 16 }))
  log(describeDataset(data))

  const form = { scale: 2, cells: 4, nodes: 2, channels: 16, shortcut: 'bicubic' } as const
  const study: StudyOptions = directory === undefined ? {} : { directory }
  await using search = createSearch({
    space: superResolutionSpace({ ...form, normalised: true }),
    evaluator: sharedUpscaling({ data, batchSize: 4, images: 4, calibrationBatches: 8 }),
    plugins: [
      hnas({
        tradeOff: 0.6,
        costUnit: 1e8,
        aboveBicubic: true,
        learningRate: 3e-3,
        epochs,
        weightSteps: steps,
        policySteps: Math.ceil(steps / 2),
        candidates: 6,
        controller: { hidden: 32, learningRate: 5e-3, entropyWeight: 0.01 },
      }),
    ],
    objectives: { psnr: 'maximise' },
    budget: {},
    seed: 7,
    study,
  })
  await search.finish()
  const [best] = search.best(1)
  if (!best) throw new Error('the search derived nothing')

  const final = superResolutionSpace(form)
  const winner = { build: final.build.bind(final, best.architecture) }
  const trainers = {
    'closed loop': dualRegressionTrainer({ dualWeight: 0.1, batchSize: 8, learningRate: 1e-3 }),
    'no loop': dualRegressionTrainer({ dualWeight: 0, batchSize: 8, learningRate: 1e-3 }),
  }
  const results: Record<string, { psnr: number; lrConsistency: number }> = {}
  for (const [name, trainer] of Object.entries(trainers)) {
    using trained = await retrainUpscaler(winner, { data, epochs: retrainEpochs, trainer })
    const { psnr, lrConsistency } = trained.test
    results[name] = { psnr, lrConsistency }
    log(`${name}: ${psnr.toFixed(2)} dB; shrunk again ${lrConsistency.toFixed(2)} dB from the small image`)
  }
  return { architecture: best.architecture, results }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
