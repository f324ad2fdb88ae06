import {
  type BuildOptions,
  type Clock,
  type Network,
  type Progress,
  realClock,
  seeded,
  type Trainer,
} from '../../core/index.ts'
import { l1Loss, useEngine } from '../../core/tensor/index.ts'
import type { PatchDataset, PicturePair } from '../../evaluators/data/images/index.ts'
import { parameterCount, type UpscalingQuality, upscalingQuality } from '../../evaluators/metrics/index.ts'
import { cosine, supervisedTrainer } from '../../evaluators/training/index.ts'
import { type ScopedUpscalingNetwork, selfEnsemble } from '../../search-spaces/super-resolution/index.ts'
import { error } from './errors.ts'
import { pairsOnly } from './pairs-only.ts'

export interface RetrainUpscalerOptions {
  readonly data: Pick<PatchDataset, 'train' | 'validation' | 'test'>
  /** Passes over the training split; a fraction is a part of one. */
  readonly epochs: number
  /** Default 16. */
  readonly batchSize?: number
  /** Of Adam; falls along a cosine to a hundredth. Default 1e-3. */
  readonly learningRate?: number
  /** Of the caller's instead, such as `dualRegressionTrainer()`. */
  readonly trainer?: Trainer
  /** The held-out images are looked at so many times, evenly; the best weights are kept. Default 1: at the end. */
  readonly looks?: number
  /** Measure as the mean over eight mirrorings and turns, at eight times the cost. Default false. */
  readonly ensemble?: boolean
  /** Default 1. */
  readonly seed?: number
  /** Name of the tensor engine. Default 'auto'. */
  readonly engine?: string
  readonly onProgress?: (progress: Progress) => void
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

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
 * Errors: ARCHLOOM_HNAS_OPTION, ARCHLOOM_HNAS_SPACE, those of the trainer.
 */
export async function retrainUpscaler(
  winner: { build(options: BuildOptions): Network },
  options: RetrainUpscalerOptions,
): Promise<RetrainedUpscaler> {
  const { data, epochs, batchSize = 16, learningRate = 1e-3, looks = 1, ensemble = false } = options
  const { seed = 1, signal, clock = realClock } = options
  const check = (option: string, received: unknown, valid: boolean, expected: string) => {
    if (!valid) throw error('ARCHLOOM_HNAS_OPTION', { where: 'retrainUpscaler', option, received, expected })
  }
  check('epochs', epochs, epochs > 0 && Number.isFinite(epochs), 'a positive number')
  check('looks', looks, Number.isInteger(looks) && looks >= 1, 'a whole number of at least 1')
  check('learningRate', learningRate, learningRate > 0, 'a positive number')
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
      ...{ batchSize, optimizer: 'adam', weightDecay: 0, clipNorm: false, loss: l1Loss },
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
    if (!best)
      throw error('ARCHLOOM_HNAS_OPTION', {
        where: 'retrainUpscaler',
        option: 'epochs',
        received: epochs,
        expected: 'enough for one step',
      })
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
