/** LCCGAN and LCCGAN++: generators fed with local coordinates of the data's latent manifold instead of noise. */
import { definePlugin, type Split } from '../../core/index.ts'
import type { CodeNormalisation } from './codes.ts'
import { type GalleryOptions, gallery } from './gallery.ts'
import { type LatentManifold, type LatentOptions, learnLatent } from './latent.ts'
import { papers } from './paper.ts'
import { lccSampler } from './sampler.ts'
import { type GanTrainerOptions, ganTrainer } from './trainer.ts'

export interface LccganOptions extends Omit<GanTrainerOptions, 'prior'> {
  /** d: local coordinates of an input, the intrinsic dimension of the data plus 1 in theory. Default 5. */
  readonly coordinates?: number
  /** Of the sampled codes. Default 'convex'. */
  readonly normalise?: CodeNormalisation
  /** Stages 1 and 2. The length of codes is that of the generator's inputs. */
  readonly latent?: Omit<LatentOptions, 'dimension'>
}

/**
 * All three stages. The latent manifold belongs to the data, not to the generator: it is learnt once for a split and a
 * length of codes, and all generators of a search are trained on it.
 */
export function lccganTrainer(options: LccganOptions = {}) {
  const { coordinates = 5, normalise = 'convex', latent = {}, ...play } = options
  const learnt = new WeakMap<Split, Map<number, Promise<LatentManifold>>>()
  const trainer = ganTrainer({
    ...play,
    prior: async (network, data, { rng, signal }) => {
      const dimension = network.inputShape[0] as number
      const own = learnt.get(data) ?? new Map<number, Promise<LatentManifold>>()
      learnt.set(data, own)
      const known = own.get(dimension)
      const found =
        known ??
        learnLatent(data, { ...latent, dimension, rng: rng.fork('latent manifold'), ...(signal && { signal }) })
      own.set(dimension, found)
      try {
        return lccSampler({ bases: (await found).bases, neighbours: coordinates, normalise })
      } catch (thrown) {
        own.delete(dimension)
        throw thrown
      }
    },
  })
  return { ...trainer, name: 'lccganTrainer' }
}

export interface LccganPluginOptions extends LccganOptions {
  /** Pictures of every trained generator, told in the search's events. Default: none. */
  readonly gallery?: GalleryOptions
}

/** Generators of a search are trained on local coordinates of the data. */
export const lccgan = ({ gallery: pictures, ...options }: LccganPluginOptions = {}) =>
  definePlugin({
    name: 'lccgan',
    paper: papers,
    provides: ['trainer'],
    needs: ['networks'],
    options: {
      ...{ coordinates: options.coordinates ?? 5, normalise: options.normalise ?? 'convex' },
      ...{ order: options.latent?.order ?? 2, bases: options.latent?.bases ?? 128, loss: options.loss ?? 'log' },
    },
    bind: ({ trainer }) => {
      const shown = pictures && gallery(pictures)
      trainer.to(lccganTrainer({ ...options, ...(shown && { onSamples: shown.onSamples }) }))
    },
  })

export { type AdamBasesOptions, learnBasesByAdam, releasedLoss } from './adam-bases.ts'
export { approximated, approximationGap, type LocalBatch, type Smooth } from './approximation.ts'
export { type AutoEncoderTrainerOptions, autoEncoderTrainer, embeddingsOf } from './auto-encoder-trainer.ts'
export { type BasesOptions, basisObjective, basisStep, type LearnedBases, learnBases } from './bases.ts'
export { affineCode, type CodeNormalisation, convexCode, nearestBases, sparseCode } from './codes.ts'
export { type Gallery, type GalleryOptions, gallery } from './gallery.ts'
export { type Game, type GameOptions, game } from './game.ts'
export { type LatentManifold, type LatentOptions, learnLatent } from './latent.ts'
export {
  type AutoEncoder,
  autoEncoder,
  type ConvolutionalGanOptions,
  convolutionalAutoEncoder,
  convolutionalGan,
  type DenseGanOptions,
  type DiscriminatorNormalisation,
  denseAutoEncoder,
  denseGan,
  type Gan,
  type GeneratorArchitecture,
  gan,
} from './networks.ts'
export { papers } from './paper.ts'
export { type Rows, rowsOf } from './rows.ts'
export {
  gaussianSampler,
  type LatentSampler,
  type LccSampler,
  type LccSamplerOptions,
  type LocalCode,
  lccSampler,
} from './sampler.ts'
export { type GeneratorSpace, type GeneratorSpaceOptions, generatorSpace, type SearchedGenerator } from './space.ts'
export { type GanTrainerOptions, ganTrainer, generated, walked } from './trainer.ts'
