// Trains a small network that doubles images on T91 (or on generated scenes if ARCHLOOM_DATA has none), compares it
// with bicubic on Set5, and saves it for `archloom upscale`. It takes 20 minutes; use --minutes 60 for a better network.
// Ctrl-C (or SIGTERM) saves the network of that moment.
//     npx archloom run examples/super-resolution.ts --minutes 20 --out models/double
//     npx archloom upscale --model models/double small.png large.png
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Random, seeded } from 'archloom'
import {
  crop,
  type PatchDataset,
  superResolutionData,
  upscaleBicubic,
  writePicture,
} from 'archloom/evaluators/data/images'
import { psnr, upscaled, upscalingQuality } from 'archloom/evaluators/metrics'
import { saveUpscaler, sideBySide } from 'archloom/evaluators/upscaling'
import { dualRegressionTrainer } from 'archloom/plugins/drn'
import { buildCompactNetwork, selfEnsemble, type UpscalingNetwork } from 'archloom/search-spaces/super-resolution'
import { useEngine } from 'archloom/tensor'

export const flags = {
  minutes: { type: 'number', describe: 'minutes to train for; default 20' },
  steps: { type: 'number', describe: 'training steps, whatever they take' },
  scale: { type: 'number', describe: '2, 3 or 4; default 2' },
  features: { type: 'number', describe: 'channels of the network; default 32' },
  blocks: { type: 'number', describe: 'residual blocks; default 5' },
  out: { type: 'string', describe: 'folder of the model and its pictures; default models/super-resolution' },
  engine: { type: 'string', describe: 'tensor engine; default the best one here (see archloom doctor)' },
  seed: { type: 'number', describe: 'default 1' },
} as const

interface Options {
  readonly minutes?: number
  readonly steps?: number
  readonly scale?: number
  readonly features?: number
  readonly blocks?: number
  readonly out?: string
  readonly engine?: string
  readonly seed?: number
  /** Side of a small patch in pixels, and number of patches per batch. */
  readonly patch?: number
  readonly batchSize?: number
  readonly data?: PatchDataset
  readonly log?: (text: string) => void
  readonly signal?: AbortSignal
}

/** Steps between two lines of the log; the learning rate falls once each. */
const STRETCH = 100

const seconds = () => performance.now() / 1000

export async function main(options: Options = {}) {
  const { minutes = 20, scale = 2, features = 32, blocks = 5, patch = 24, batchSize = 16, seed = 1 } = options
  const { out = join('models', 'super-resolution'), engine = 'auto', log = console.log, signal } = options
  const rng = seeded(seed)
  const { name, version, threads } = await useEngine(engine)
  log(`engine ${name} ${version}, threads ${threads ?? 1}`)
  const data = options.data ?? (await superResolutionData({ scale, patch, patches: STRETCH * batchSize, seed }))
  log(`${data.name}: ${data.train.pairs.length} images, ${data.validation.pairs.length} more held out`)
  for (const note of data.notes ?? []) log(`  ${note}`)

  const build = (at: Random) => buildCompactNetwork({ scale, features, blocks }, { input: [patch, patch, 3], rng: at })
  const train = (network: UpscalingNetwork, steps: number, reportEvery: number) =>
    dualRegressionTrainer({ dualWeight: 0, batchSize, learningRate: 1e-3, reportEvery }).fit(network, data.train, {
      epochs: (steps * batchSize) / data.train.size,
      rng: rng.fork('training'),
      ...(signal && { signal }),
    })

  let steps = options.steps ?? 0
  if (options.steps === undefined) {
    // A few steps with a temporary network determine how many steps fit the time.
    using trial = build(rng.fork('calibration'))
    const marks: number[] = []
    for await (const _ of train(trial, 20, 5)) marks.push(seconds())
    const each = ((marks.at(-1) as number) - marks[0]!) / (5 * (marks.length - 1))
    steps = Math.max(STRETCH, Math.floor((minutes * 60) / each / STRETCH) * STRETCH)
    log(`a step takes ${(1000 * each).toFixed(0)} ms: ${steps} steps are about ${minutes} minutes`)
  }

  using network = build(rng.fork('weights'))
  const parameters = network.trainable.reduce((sum, { size }) => sum + size, 0)
  log(`network of ${parameters} parameters`)
  const began = seconds()
  const quality = (pairs: PatchDataset['test']['pairs']) =>
    upscalingQuality((lr) => network.upscale(lr, { training: false }), pairs, { ...(signal && { signal }) })
  const every = Math.min(STRETCH, Math.max(1, Math.round(steps / 10)))
  const tenth = every * Math.max(1, Math.round(steps / (10 * every)))
  let last = 0
  const save = (notes: Readonly<Record<string, string | number>>) =>
    saveUpscaler(out, network, {
      kind: 'compact',
      options: { scale, features, blocks },
      notes: { trainedOn: data.name, steps: last, seed, ...notes },
    })
  try {
    for await (const { step, metrics } of train(network, steps, every)) {
      last = step
      if (step !== steps && step % tenth !== 0) continue
      const { psnr: validation } = await quality(data.validation.pairs)
      const spent = ((seconds() - began) / 60).toFixed(1)
      log(`step ${step}: L1 ${metrics.loss?.toFixed(3)}, held-out PSNR ${validation.toFixed(3)} dB, ${spent} min`)
    }
  } catch (thrown) {
    if (!signal?.aborted || last === 0) throw thrown
    await save({ stoppedOf: steps })
    log(`stopped after ${last} of ${steps} steps; the network of that moment is in ${out}`)
    return { model: out, steps: last, parameters, stopped: true } as const
  }
  const trained = (seconds() - began) / 60

  const test = data.test.pairs
  const bicubic = test.map(({ lr, hr }) => psnr(upscaleBicubic(lr, scale), hr, { border: scale }))
  const baseline = bicubic.reduce((a, b) => a + b, 0) / bicubic.length
  const ours = await quality(test)
  const ensemble = selfEnsemble((x, mode) => network.upscale(x, mode))
  const together = await upscalingQuality((lr) => ensemble(lr, { training: false }), test)
  ours.images.forEach(({ name: image, psnr: own }, i) => {
    log(`  ${image.padEnd(12)} bicubic ${bicubic[i]?.toFixed(2)}  network ${own.toFixed(2)} dB`)
  })
  const gain = ours.psnr - baseline
  log(`bicubic ${baseline.toFixed(2)} dB, network ${ours.psnr.toFixed(2)} dB: ${gain.toFixed(2)} dB better`)
  log(`SSIM ${ours.ssim.toFixed(4)}; self-ensemble of eight ${together.psnr.toFixed(2)} dB`)

  await save({ minutes: Number(trained.toFixed(1)), testPsnr: ours.psnr, bicubicPsnr: baseline })
  const shown = test.reduce((a, b) => (a.hr.width < b.hr.width ? a : b))
  const after = await upscaled((lr) => network.upscale(lr, { training: false }), shown.lr)
  const [height, width] = [Math.min(160, shown.hr.height), Math.min(160, shown.hr.width)]
  const parts = [upscaleBicubic(shown.lr, scale), after, shown.hr].map((image) => crop(image, 0, 0, height, width))
  const picture = join(out, 'bicubic-network-truth.png')
  await writePicture(picture, sideBySide(parts))
  log(`model in ${out}; ${picture} shows ${shown.name}: bicubic, network, truth`)
  const measured = { minutes: trained, bicubic: baseline, psnr: ours.psnr, gain }
  return { model: out, picture, steps, parameters, stopped: false, ...measured } as const
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
