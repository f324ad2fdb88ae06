/** LCCGAN and LCCGAN++: generators fed with local coordinates of the data's latent manifold instead of noise. */
import { declarePlugin, definePlugin, type Plugin, type Split } from '../../core/index.ts'
import { among, options as declare, group, type OptionsOf, whole } from '../../core/options/index.ts'
import { codeNormalisations } from './codes.ts'
import { gallery, galleryFields } from './gallery.ts'
import { type LatentManifold, latentFields, learnLatent } from './latent.ts'
import { papers } from './paper.ts'
import { lccSampler } from './sampler.ts'
import { gameFields, gameRenamed, ganTrainer } from './trainer.ts'

const lccganFields = {
  ...gameFields,
  coordinates: whole({
    min: 1,
    default: 5,
    doc: 'd: local coordinates of an input, the intrinsic dimension of the data plus 1 in theory.',
  }),
  normalise: among(codeNormalisations, { default: 'convex', doc: 'Normalisation of the sampled codes.' }),
  latent: group(latentFields, { doc: "Stages 1 and 2. The length of codes is that of the generator's inputs." }),
}
const trainerOptions = declare('lccganTrainer', lccganFields, { renamed: gameRenamed })
export type LccganOptions = OptionsOf<typeof trainerOptions>

/**
 * All three stages. The latent manifold belongs to the data, not to the generator: it is learnt once for a split and a
 * length of codes, and all generators of a search are trained on it.
 */
export function lccganTrainer(given: LccganOptions = {}) {
  const { coordinates, normalise, latent, ...play } = trainerOptions.read(given)
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

const { onSamples: _, ...pluginFields } = lccganFields
const declared = declare(
  'lccgan',
  {
    ...pluginFields,
    images: group(galleryFields, {
      optional: true,
      absent: 'none are written',
      doc: "Images of every trained generator, told in the search's events.",
    }),
  },
  { renamed: { ...gameRenamed, gallery: 'images', pictures: 'images' } },
)
export type LccganPluginOptions = OptionsOf<typeof declared>

const about = declarePlugin({
  name: 'lccgan',
  kind: 'training method',
  does: 'Generators that are fed with local coordinates of the latent manifold of the data.',
  paper: papers,
  provides: ['trainer'],
  needs: ['networks'],
  options: declared,
})

/** Generators of a search are trained on local coordinates of the data. */
export function lccgan(given: LccganPluginOptions = {}): Plugin {
  const { images, ...options } = declared.read(given)
  return definePlugin({
    ...about,
    options: {
      coordinates: options.coordinates,
      normalise: options.normalise,
      order: options.latent.order,
      bases: options.latent.bases,
      loss: options.loss,
    },
    panels: [
      {
        kind: 'images',
        title: 'Samples',
        about: 'Images from the same random inputs, and a walk between inputs, as each generator is trained.',
        event: 'samples',
      },
    ],
    bind: ({ trainer }) => {
      const shown = images && gallery(images)
      trainer.to(lccganTrainer({ ...options, ...(shown && { onSamples: shown.onSamples }) }))
    },
  })
}

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
