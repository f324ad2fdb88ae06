import {
  type BuildOptions,
  type Clock,
  type Network,
  type Progress,
  realClock,
  seeded,
  type Trainer,
} from '../../core/index.ts'
import {
  callback,
  flag,
  isObject,
  number,
  type OptionsOf,
  options,
  required,
  text,
  value,
  whole,
} from '../../core/options/index.ts'
import { l1Loss, useEngine } from '../../core/tensor/index.ts'
import type { PatchDataset, PicturePair } from '../../evaluators/data/images/index.ts'
import { parameterCount, type UpscalingQuality, upscalingQuality } from '../../evaluators/metrics/index.ts'
import { cosine, supervisedTrainer } from '../../evaluators/training/index.ts'
import { type ScopedUpscalingNetwork, selfEnsemble } from '../../search-spaces/super-resolution/index.ts'
import { error } from './errors.ts'
import { pairsOnly } from './pairs-only.ts'

const declared = options('retrainUpscaler', {
  data: required(
    value<Pick<PatchDataset, 'train' | 'validation' | 'test'>>('a data set of patches', {
      holds: isObject,
      doc: 'Patches with their images, such as `await superResolutionData({ … })`.',
    }),
  ),
  epochs: required(number({ above: 0, doc: 'Passes over the training split; a fraction is a part of one.' })),
  batchSize: whole({ min: 1, default: 16, doc: 'Examples of a batch.' }),
  learningRate: number({ above: 0, default: 1e-3, doc: 'Learning rate of Adam; falls along a cosine to a hundredth.' }),
  trainer: value<Trainer>('a trainer', {
    holds: isObject,
    doc: 'A trainer of your own instead, such as `dualRegressionTrainer()`.',
  }),
  looks: whole({
    min: 1,
    default: 1,
    doc: 'The held-out images are looked at so many times, evenly; the best weights are kept.',
  }),
  ensemble: flag({
    default: false,
    doc: 'Measure as the mean over eight mirrorings and turns, at eight times the cost.',
  }),
  seed: number({ default: 1, doc: 'Seed of everything random.' }),
  engine: text({ absent: 'auto', doc: 'Name of the tensor engine.' }),
  onProgress: callback<(progress: Progress) => void>({ doc: 'Called after every step.' }),
  signal: value<AbortSignal>('an AbortSignal', { doc: 'Ends the training early.' }),
  clock: value<Clock>('a clock', { doc: 'Tells the time.' }),
})
export type RetrainUpscalerOptions = OptionsOf<typeof declared>

/** A winner trained alone; owns its network: hold it with `using`. */
export interface RetrainedUpscaler extends Disposable {
  readonly network: ScopedUpscalingNetwork
  readonly validation: UpscalingQuality
  /** On the test images, measured once. */
  readonly test: UpscalingQuality
  /** Optimizer steps after which the kept weights were reached. */
  readonly bestStep: number
  readonly parameters: number
  /** Training time, with the looks at held-out images. */
  readonly seconds: number
  /** Any further images, as the test images were measured. */
  measure(pairs: readonly PicturePair[]): Promise<UpscalingQuality>
}

function upscalerOf(network: Network): ScopedUpscalingNetwork {
  if ('upscale' in network && 'scope' in network) return network as ScopedUpscalingNetwork
  network[Symbol.dispose]()
  throw error('ARCHLOOM_HNAS_SPACE', {
    space: 'of the network to be trained',
    received: `whose network gives ${network.outputShape.join('×')}`,
    expected: 'a network that enlarges images of any size',
  })
}

/**
 * Trains an architecture's network from fresh weights (L1 on values of 0 to 255, Adam, cosine; Guo et al. take 300,000
 * steps of 16 patches), keeps the weights that are best on the held-out images, and measures the test images once. The
 * published program chooses them on the test images.
 * Takes anything that builds an enlarging network; give it the space without normalisation, unlike that of the search.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_HNAS_SPACE, those of the trainer.
 */
export async function retrainUpscaler(
  winner: { build(options: BuildOptions): Network },
  given: RetrainUpscalerOptions,
): Promise<RetrainedUpscaler> {
  const options = declared.read(given)
  const { data, epochs, batchSize, learningRate, looks, ensemble, seed, signal, clock = realClock } = options
  await useEngine(options.engine)
  const rng = seeded(seed)
  const network = upscalerOf(winner.build({ input: data.train.inputShape, classes: 0, rng: rng.fork('weights') }))
  const abort = signal ? { signal } : {}
  const upscale = ensemble ? selfEnsemble((lr, mode) => network.upscale(lr, mode)) : network.upscale
  const measure = (pairs: readonly PicturePair[]) =>
    upscalingQuality((lr) => upscale(lr, { training: false }), pairs, abort)
  const trainer =
    options.trainer ??
    supervisedTrainer({
      batchSize,
      optimizer: 'adam',
      weightDecay: 0,
      clipNorm: false,
      loss: l1Loss,
      learningRate: cosine({ peak: learningRate, floor: learningRate / 100 }),
    })
  const train = options.trainer ? data.train : pairsOnly(data.train)
  try {
    const began = clock.now()
    let best:
      | { quality: UpscalingQuality; step: number; weights: Awaited<ReturnType<typeof network.scope.save>> }
      | undefined
    let looked = 0
    for await (const progress of trainer.fit(network, train, { epochs, rng: rng.fork('training'), ...abort })) {
      const { step, steps } = progress
      options.onProgress?.(progress)
      if (step < steps && step * looks < (looked + 1) * steps) continue
      looked = Math.floor((step * looks) / steps)
      const quality = await measure(data.validation.pairs)
      if (!best || quality.psnr > best.quality.psnr)
        best = { quality, step, weights: looks > 1 ? await network.scope.save() : [] }
    }
    signal?.throwIfAborted()
    if (!best) throw declared.refuse('epochs', epochs, 'enough for one step')
    if (best.weights.length > 0) network.scope.load(best.weights)
    return {
      network,
      validation: best.quality,
      bestStep: best.step,
      seconds: (clock.now() - began) / 1000,
      parameters: parameterCount(network),
      test: await measure(data.test.pairs),
      measure,
      [Symbol.dispose]: () => network[Symbol.dispose](),
    }
  } catch (thrown) {
    network[Symbol.dispose]()
    throw thrown
  }
}
