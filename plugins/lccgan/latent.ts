import type { Random, Split } from '../../core/index.ts'
import { type AdamBasesOptions, learnBasesByAdam } from './adam-bases.ts'
import { type AutoEncoderTrainerOptions, autoEncoderTrainer, embeddingsOf } from './auto-encoder-trainer.ts'
import { type BasesOptions, type LearnedBases, learnBases } from './bases.ts'
import { error } from './errors.ts'
import { type AutoEncoder, convolutionalAutoEncoder, denseAutoEncoder } from './networks.ts'
import { combination, type Rows, squaredDistance } from './rows.ts'

export interface LatentOptions extends Omit<BasesOptions, 'rng'>, AutoEncoderTrainerOptions {
  /** d_B: length of the auto-encoder's codes, and of the generator's inputs. Default 100. */
  readonly dimension?: number
  /** Default: convolutional for images, dense for points. */
  readonly network?: (form: { shape: readonly number[]; latentDimension: number; rng: Random }) => AutoEncoder
  /** Maps of the convolutional auto-encoder. Default 64. */
  readonly features?: number
  /** Passes of the auto-encoder over the data. Default 100. */
  readonly epochs?: number
  /** Codes that bases are learnt from. Default 1,000. */
  readonly points?: number
  /** 'exact' code and basis steps, or 'adam' as released. Default 'exact'. */
  readonly scheme?: 'exact' | 'adam'
  readonly adam?: Omit<AdamBasesOptions, 'rng' | 'bases' | 'order'>
}

/** Bases on the latent manifold of a data set, in its standardised codes. */
export interface LatentManifold extends LearnedBases {
  /** Last mean loss of the auto-encoder. */
  readonly reconstruction: number
}

/**
 * Stages 1 and 2: an auto-encoder of the data, and bases of local coordinate coding among its codes (batch normalisation
 * with running statistics, so that codes do not depend on batches). The auto-encoder is disposed at the end.
 * Errors: those of `autoEncoderTrainer` and `learnBases`; ARCHLOOM_LCCGAN_POINTS when the codes are not finite.
 */
export async function learnLatent(
  data: Split<'train'>,
  options: LatentOptions & { readonly rng: Random; readonly signal?: AbortSignal },
): Promise<LatentManifold> {
  const { rng, signal, dimension = 100, epochs = 100, points = 1000, features, scheme = 'exact' } = options
  const shape = data.inputShape
  if (shape.length !== 1 && shape.length !== 3)
    throw error('ARCHLOOM_LCCGAN_OPTION', {
      ...{ where: 'learnLatent', option: 'data.inputShape', received: shape },
      expected: 'images [side, side, channels] or points [dimension]',
    })
  const form = { shape, latentDimension: dimension, rng: rng.fork('auto-encoder') }
  const build =
    options.network ??
    ((own: typeof form) =>
      shape.length === 1
        ? denseAutoEncoder({ ...own, dimension: shape[0] as number })
        : convolutionalAutoEncoder({ ...own, ...(features !== undefined && { features }) }))
  using network = build(form)
  let reconstruction = Number.NaN
  const fit = { epochs, rng: rng.fork('training'), ...(signal && { signal }) }
  for await (const { metrics } of autoEncoderTrainer(options).fit(network, data, fit))
    reconstruction = metrics.loss as number
  const { codes, restore } = standardised(embeddingsOf(network, data, points))
  const { bases, order } = options
  const wanted = { ...(bases !== undefined && { bases }), ...(order !== undefined && { order }) }
  const learned =
    scheme === 'adam'
      ? learnBasesByAdam(codes, { ...options.adam, ...wanted, rng: rng.fork('bases') })
      : learnBases(codes, { ...options, rng: rng.fork('bases') })
  const { centres } = learned
  return {
    ...learned,
    bases: learned.bases.map(restore),
    ...(centres && { centres: centres.map(restore) }),
    reconstruction,
  }
}

/**
 * Codes around 0 with variances that sum to 1, so that μ means the same for every auto-encoder; `restore` brings bases to
 * a mean variance of 1 a coordinate, as normal inputs have. Local coordinates do not change with shift and scale.
 */
function standardised(points: Rows): { readonly codes: Rows; readonly restore: (base: Float64Array) => Float64Array } {
  const dimension = (points[0] as Float64Array).length
  const mean = combination(new Float64Array(points.length).fill(1 / points.length), points)
  const variance = points.reduce((sum, point) => sum + squaredDistance(point, mean) / points.length, 0)
  const scale = variance > 0 ? 1 / Math.sqrt(variance) : 1
  return {
    codes: points.map((point) => point.map((value, k) => scale * (value - (mean[k] as number)))),
    restore: (base) => base.map((value) => value * Math.sqrt(dimension)),
  }
}
