import { type Infer, oneOf, product, variant } from '../../core/index.ts'
import { optionError, optionNames } from '../../core/options/index.ts'
import { normalisationOf } from '../../core/tensor/index.ts'
import { defineNetworkSpace, type NetworkSpace } from '../../search-spaces/network-space.ts'
import type { NormalisationOption } from '../../search-spaces/operations/index.ts'
import {
  convolutionalGan,
  type DiscriminatorNormalisation,
  type Gan,
  type GeneratorArchitecture,
  halvingsOf,
} from './networks.ts'

const body = (features: readonly number[]) =>
  product({
    features: oneOf(...features),
    extra: oneOf(0, 1),
    upsampling: variant({
      transposed: product({ kernel: oneOf(2, 4, 6) }),
      nearest: product({ kernel: oneOf(3, 5) }),
    }),
  })

/** The decisions of a search about a generator. */
export type SearchedGenerator = Infer<ReturnType<typeof body>>

const plain = ({ features, extra, upsampling }: SearchedGenerator): Required<GeneratorArchitecture> => ({
  features,
  extra,
  kernel: upsampling.kernel,
  upsampling: upsampling.type,
})

export interface GeneratorSpaceOptions extends NormalisationOption {
  /** Length of the generator's inputs. Default 100. */
  readonly latentDimension?: number
  /** Maps before the last layer, to choose from. Default 8, 16, 32. */
  readonly features?: readonly number[]
  /** Of the discriminator, the same for every generator. Default 16. */
  readonly discriminatorFeatures?: number
  /** 'none' for loss 'wasserstein'. Default 'batch-norm'. */
  readonly discriminatorNormalisation?: DiscriminatorNormalisation
}

/** `build` returns generators with their discriminators. */
export type GeneratorSpace = {
  build(...form: Parameters<NetworkSpace<SearchedGenerator>['build']>): Gan
} & NetworkSpace<SearchedGenerator, GeneratorSpaceOptions>

const generatorSpaceNames = optionNames<GeneratorSpaceOptions>('generatorSpace', {
  normalisation: true,
  latentDimension: true,
  features: true,
  discriminatorFeatures: true,
  discriminatorNormalisation: true,
})

/**
 * Generators of images as a search space, with their cost for one image: width, kind and size of kernels, depth.
 * `normalisation` is the generator's. Errors: ARCHLOOM_OPTION.
 */
export function generatorSpace(options: GeneratorSpaceOptions = {}): GeneratorSpace {
  generatorSpaceNames(options)
  const { latentDimension = 100, features = [8, 16, 32], discriminatorFeatures = 16 } = options
  const { discriminatorNormalisation = 'batch-norm', normalisation = 'batch-norm' } = options
  if (features.length === 0) throw optionError('generatorSpace', 'features', features, 'one number of maps or more')
  const { name } = normalisationOf(normalisation)
  const build: GeneratorSpace['build'] = (architecture, { input, rng }) =>
    convolutionalGan({
      ...plain(architecture),
      shape: input,
      latentDimension,
      normalisation,
      rng,
      discriminatorFeatures,
      discriminatorNormalisation,
    })
  const space = defineNetworkSpace(
    name === 'batch-norm' ? 'generator' : `generator-normalisation=${name}`,
    body(features),
    {
      options,
      build,
      cost: (architecture: SearchedGenerator, { input }) => generatorCost(plain(architecture), input, latentDimension),
    },
  )
  return Object.assign(space, { build })
}

function generatorCost(
  { features, extra, kernel, upsampling }: Required<GeneratorArchitecture>,
  shape: readonly number[],
  latentDimension: number,
) {
  const { base, halvings } = halvingsOf('generatorSpace', shape)
  const widths = Array.from({ length: halvings }, (_, k) => features * 2 ** (halvings - 1 - k))
  const first = base * base * widths[0]! * latentDimension
  let [multiplyAdds, parameters] = [first, first + 2 * widths[0]!]
  for (const [k, width] of widths.entries()) {
    const area = (base * 2 ** k) ** 2
    multiplyAdds += extra * area * 9 * width * width
    parameters += extra * (9 * width * width + 2 * width)
    const next = widths[k + 1]
    const weights = kernel * kernel * width * (next ?? shape[2]!)
    // A transposed kernel is laid down at every input, a convolution at every output.
    multiplyAdds += (upsampling === 'transposed' ? area : 4 * area) * weights
    parameters += weights + (next === undefined ? 0 : 2 * next)
  }
  return { multiplyAdds, parameters }
}
