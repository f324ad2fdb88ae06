import type { Random, Split } from '../../core/index.ts'
import {
  among,
  callback,
  options as declare,
  group,
  number,
  type OptionsOf,
  optionError,
  required,
  value,
  whole,
} from '../../core/options/index.ts'
import { adamBasesFields, learnBasesByAdam } from './adam-bases.ts'
import { autoEncoderFields, autoEncoderTrainer, embeddingsOf } from './auto-encoder-trainer.ts'
import { basesFields, type LearnedBases, learnBases } from './bases.ts'
import { type AutoEncoder, convolutionalAutoEncoder, denseAutoEncoder } from './networks.ts'
import { combination, type Rows, squaredDistance } from './rows.ts'

const { bases: _, order: __, ...adamFields } = adamBasesFields
export const latentFields = {
  ...basesFields,
  ...autoEncoderFields,
  network: callback<(form: { shape: readonly number[]; latentDimension: number; rng: Random }) => AutoEncoder>({
    absent: 'convolutional for images, dense for points',
    doc: 'Makes the auto-encoder.',
  }),
  features: whole({ min: 1, default: 64, doc: 'Maps of the convolutional auto-encoder.' }),
  epochs: number({ above: 0, default: 100, doc: 'Passes of the auto-encoder over the data.' }),
  points: whole({ min: 1, default: 1000, doc: 'Codes that bases are learnt from.' }),
  scheme: among(['exact', 'adam'], { default: 'exact', doc: "'exact' code and basis steps, or 'adam' as released." }),
  adam: group(adamFields, { optional: true, doc: 'Options of the released scheme.' }),
}
const declared = declare('learnLatent', {
  ...latentFields,
  dimension: whole({
    min: 1,
    default: 100,
    doc: "d_B: length of the auto-encoder's codes, and of the generator's inputs.",
  }),
  rng: required(value<Random>('a random generator', { doc: 'The generator that draws.' })),
  signal: value<AbortSignal>('an AbortSignal', { doc: 'Ends the training early.' }),
})
type Given = OptionsOf<typeof declared>
export type LatentOptions = Omit<Given, 'rng' | 'signal'>

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
  given: LatentOptions & { readonly rng: Random; readonly signal?: AbortSignal },
): Promise<LatentManifold> {
  const options = declared.read(given)
  const { rng, signal, dimension, epochs, points, features, scheme, loss, batchSize, learningRate, reportEvery } =
    options
  const shape = data.inputShape
  if (shape.length !== 1 && shape.length !== 3)
    throw optionError('learnLatent', 'data.inputShape', shape, 'images [side, side, channels] or points [dimension]')
  const form = { shape, latentDimension: dimension, rng: rng.fork('auto-encoder') }
  const build =
    options.network ??
    (({ latentDimension, rng: own }: typeof form) =>
      shape.length === 1
        ? denseAutoEncoder({ latentDimension, dimension: shape[0]!, rng: own })
        : convolutionalAutoEncoder({ shape, latentDimension, features, rng: own }))
  using network = build(form)
  let reconstruction = Number.NaN
  const fit = { epochs, rng: rng.fork('training'), ...(signal && { signal }) }
  for await (const { metrics } of autoEncoderTrainer({ loss, batchSize, learningRate, reportEvery }).fit(
    network,
    data,
    fit,
  ))
    reconstruction = metrics.loss as number
  const { codes, restore } = standardised(embeddingsOf(network, data, points))
  const { bases, order, neighbours, normalise, locality, shrinkage, rounds, ridge } = options
  const wanted = { bases, order, rng: rng.fork('bases') }
  const learned =
    scheme === 'adam'
      ? learnBasesByAdam(codes, { ...options.adam, ...wanted })
      : learnBases(codes, {
          ...wanted,
          ...(neighbours !== undefined && { neighbours }),
          normalise,
          locality,
          shrinkage,
          rounds,
          ridge,
        })
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
    codes: points.map((point) => point.map((value, k) => scale * (value - mean[k]!))),
    restore: (base) => base.map((value) => value * Math.sqrt(dimension)),
  }
}
