import * as tf from '@tensorflow/tfjs-core'
import type { ApplyMode, Network, Random } from '../../core/index.ts'
import { optionError, optionNames } from '../../core/options/index.ts'
import {
  conv2d,
  dense,
  type Initialiser,
  type Layer,
  type NormalisationChoice,
  network,
  normal,
  normalisationOf,
  type ScopedNetwork,
  sequential,
  transposedConv2d,
  type VariableScope,
  variableScope,
} from '../../core/tensor/index.ts'
import { oneOfNames, whole } from './errors.ts'
import type { LatentSampler } from './sampler.ts'

/** A generator (the network itself: latent inputs to examples) with the discriminator that it plays against. */
export interface Gan extends ScopedNetwork {
  /** [batch, ...outputShape] → logits [batch, 1]: real where positive. */
  discriminate(x: tf.Tensor, mode: ApplyMode): tf.Tensor
  readonly generator: VariableScope
  readonly discriminator: VariableScope
  /** What the generator was last trained on; set by the trainer. */
  prior?: LatentSampler
}

export interface AutoEncoder extends ScopedNetwork {
  /** Examples to codes [batch, latentDimension]. */
  encode(x: tf.Tensor, mode: ApplyMode): tf.Tensor
  decode(code: tf.Tensor, mode: ApplyMode): tf.Tensor
  readonly latentDimension: number
}

export const isGan = (made: Network): made is Gan => 'discriminate' in made && 'generator' in made

interface Sides {
  readonly rng: Random
  readonly latentDimension: number
  readonly shape: readonly number[]
  readonly generate: (scope: VariableScope) => Layer
  readonly discriminate: (scope: VariableScope) => Layer
}

/** Builds a generator and its discriminator, each in a separate scope. */
export function gan({ rng, latentDimension, shape, generate, discriminate }: Sides): Gan {
  const scope = variableScope({ rng })
  const [generator, discriminator] = [scope.child('generator'), scope.child('discriminator')]
  const apply = generate(generator)
  const judge = discriminate(discriminator)
  const made = network({ scope, inputShape: [latentDimension], outputShape: shape, apply })
  return Object.assign(made, { generator, discriminator, discriminate: judge })
}

const leaky: Layer = (x) => tf.leakyRelu(x, 0.2)

/** Layers of the given widths, with the given operations between them. */
function denseStack(scope: VariableScope, widths: readonly number[], between: Layer): Layer {
  const layers = widths.slice(1).map((units, k) => dense(scope.child(k), { inputs: widths[k] as number, units }))
  return sequential(...layers.flatMap((layer, k) => (k < layers.length - 1 ? [layer, between] : [layer])))
}

export interface DenseGanOptions {
  readonly latentDimension: number
  /** Coordinates of an example. */
  readonly dimension: number
  /** Default 64. */
  readonly width?: number
  /** Default 2. */
  readonly hidden?: number
  readonly rng: Random
}

const denseGanNames = optionNames<DenseGanOptions>('denseGan', {
  latentDimension: true,
  dimension: true,
  width: true,
  hidden: true,
  rng: true,
})

/** Multi-layer perceptrons, for points. */
export function denseGan(options: DenseGanOptions): Gan {
  denseGanNames(options)
  const { latentDimension, dimension, rng, width = 64, hidden = 2 } = options
  for (const [option, value] of Object.entries({ latentDimension, dimension, width, hidden }))
    whole('denseGan', option, value)
  const inner = new Array<number>(hidden).fill(width)
  return gan({
    rng,
    latentDimension,
    shape: [dimension],
    generate: (scope) => denseStack(scope, [latentDimension, ...inner, dimension], tf.relu),
    discriminate: (scope) => denseStack(scope, [dimension, ...inner, 1], leaky),
  })
}

/** Multi-layer perceptrons, for points. Error: ARCHLOOM_OPTION. */
export function denseAutoEncoder(options: DenseGanOptions): AutoEncoder {
  const { latentDimension, dimension, rng, width = 64, hidden = 2 } = denseGanNames(options)
  const inner = new Array<number>(hidden).fill(width)
  return autoEncoder({
    rng,
    latentDimension,
    shape: [dimension],
    encode: (scope) => denseStack(scope, [dimension, ...inner, latentDimension], tf.relu),
    decode: (scope) => denseStack(scope, [latentDimension, ...inner, dimension], tf.relu),
  })
}

export interface AutoEncoderOptions {
  readonly rng: Random
  readonly latentDimension: number
  readonly shape: readonly number[]
  readonly encode: (scope: VariableScope) => Layer
  readonly decode: (scope: VariableScope) => Layer
}
const autoEncoderNames = optionNames<AutoEncoderOptions>('autoEncoder', {
  rng: true,
  latentDimension: true,
  shape: true,
  encode: true,
  decode: true,
})

/** An auto-encoder of an encoder and a decoder of your own. Error: ARCHLOOM_OPTION. */
export function autoEncoder(options: AutoEncoderOptions): AutoEncoder {
  const { rng, latentDimension, shape } = autoEncoderNames(options)
  const scope = variableScope({ rng })
  const encode = options.encode(scope.child('encoder'))
  const decode = options.decode(scope.child('decoder'))
  const apply: Layer = (x, mode) => decode(encode(x, mode), mode)
  return Object.assign(network({ scope, inputShape: shape, outputShape: shape, apply }), {
    encode,
    decode,
    latentDimension,
  })
}

/** A generator's body; every field can be a decision of a search. */
export interface GeneratorArchitecture {
  /** ngf: maps before the last layer. Default 64. */
  readonly features?: number
  /** Side of the transposed kernels: 2, 4 or 6; or of the convolutions after 'nearest', 3 or 5. Default 4 and 3. */
  readonly kernel?: number
  /** 'transposed' convolutions, or doubling by repetition and a convolution. Default 'transposed'. */
  readonly upsampling?: 'transposed' | 'nearest'
  /** Number of additional convolutions of stride 1 at each size. Default 0. */
  readonly extra?: number
}

export interface ConvolutionalGanOptions extends GeneratorArchitecture {
  /** [height, width, channels]; sides alike, and 4, 5, 6 or 7 times a power of two. */
  readonly shape: readonly number[]
  readonly latentDimension: number
  /** Normalisation of the generator. Default 'batch-norm'. */
  readonly normalisation?: NormalisationChoice
  /** ndf: half of the discriminator's first maps, as released. Default `features`. */
  readonly discriminatorFeatures?: number
  /** Normalisation of the discriminator: WGAN-GP needs 'none' or one without batch statistics. Default 'batch-norm'. */
  readonly discriminatorNormalisation?: DiscriminatorNormalisation
  readonly rng: Random
}

const convolutionalNames = optionNames<ConvolutionalGanOptions>('convolutionalGan', {
  features: true,
  kernel: true,
  upsampling: true,
  extra: true,
  shape: true,
  latentDimension: true,
  normalisation: true,
  discriminatorFeatures: true,
  discriminatorNormalisation: true,
  rng: true,
})

export type DiscriminatorNormalisation = NormalisationChoice | 'none'

/** 64 → 4·2⁴, 28 → 7·2². Error: ARCHLOOM_OPTION. */
export function halvingsOf(where: string, shape: readonly number[]): { base: number; halvings: number } {
  let [base, halvings] = [shape[0] ?? 0, 0]
  while (base > 7 && base % 2 === 0) [base, halvings] = [base / 2, halvings + 1]
  if (shape.length !== 3 || shape[0] !== shape[1] || base < 4 || base > 7 || halvings < 1)
    throw optionError(
      where,
      'shape',
      shape,
      '[side, side, channels] with a side of 4, 5, 6 or 7 times a power of two, such as 28, 32 or 64',
    )
  return { base, halvings }
}

/** N(0, 0.02), as in DCGAN: short runs make progress with it, but not with fan-in rules for transposed kernels. */
const initialiser: Initialiser = normal({ stdDev: 0.02 })

/** The released body (DCGAN): latent → base² × features·2^(halvings − 1), doubled up to the image; tanh. */
export function dcganGenerator(
  scope: VariableScope,
  options: Pick<ConvolutionalGanOptions, 'shape' | 'latentDimension' | 'normalisation'> & GeneratorArchitecture,
): Layer {
  const where = 'dcganGenerator'
  const { shape, latentDimension, features = 64, upsampling = 'transposed', extra = 0 } = options
  const { base, halvings } = halvingsOf(where, shape)
  oneOfNames(where, 'upsampling', upsampling, ['transposed', 'nearest'])
  whole(where, 'features', features)
  whole(where, 'latentDimension', latentDimension)
  whole(where, 'extra', extra, 0)
  const kernel = options.kernel ?? (upsampling === 'transposed' ? 4 : 3)
  const allowed = upsampling === 'transposed' ? [2, 4, 6] : [3, 5]
  if (!allowed.includes(kernel))
    throw optionError(where, 'kernel', kernel, `${allowed.join(', ')} with '${upsampling}'`)
  const widths = Array.from({ length: halvings }, (_, k) => features * 2 ** (halvings - 1 - k))
  const first = widths[0] as number
  const { layer: normalise } = normalisationOf(options.normalisation ?? 'batch-norm')
  const normalised = (own: VariableScope, layer: Layer, channels: number) =>
    sequential(layer, normalise(own.child('norm'), { channels, relu: true }))
  const up = (own: VariableScope, inputChannels: number, filters: number): Layer => {
    if (upsampling === 'transposed')
      return transposedConv2d(own, { inputChannels, filters, kernel, stride: 2, padding: kernel / 2 - 1, initialiser })
    const convolution = conv2d(own, { inputChannels, filters, kernel, initialiser })
    return (x, mode) => {
      const [, height = 0, width = 0] = x.shape
      return convolution(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [2 * height, 2 * width]), mode)
    }
  }
  const project = dense(scope.child('project'), {
    inputs: latentDimension,
    units: base * base * first,
    bias: false,
    initialiser,
  })
  const layers: Layer[] = [
    normalised(scope.child('project'), (x, mode) => tf.reshape(project(x, mode), [-1, base, base, first]), first),
  ]
  for (const [k, width] of widths.entries()) {
    for (let i = 0; i < extra; i++) {
      const own = scope.child(`extra_${k}_${i}`)
      layers.push(normalised(own, conv2d(own, { inputChannels: width, filters: width, kernel: 3, initialiser }), width))
    }
    const own = scope.child(`up_${k}`)
    const next = widths[k + 1]
    layers.push(next ? normalised(own, up(own, width, next), next) : up(own, width, shape[2] as number))
  }
  return sequential(...layers, tf.tanh)
}

/**
 * Halving 4×4 convolutions to base² maps, then one number for each of `outputs`; leaky ReLU 0.2, no first
 * normalisation.
 */
export function dcganEncoder(
  scope: VariableScope,
  options: { shape: readonly number[]; features: number; outputs: number; normalisation: DiscriminatorNormalisation },
): Layer {
  const { shape, features, outputs, normalisation } = options
  const normalise = normalisation === 'none' ? undefined : normalisationOf(normalisation).layer
  const { base, halvings } = halvingsOf('dcganEncoder', shape)
  // 128, 256, 512, 512 for features = 64: the last width is not doubled again.
  const widths = Array.from({ length: halvings }, (_, k) => features * Math.min(8, 2 ** (k + 1)))
  const layers = widths.map((filters, k): Layer => {
    const own = scope.child(`down_${k}`)
    const inputChannels = k === 0 ? shape[2]! : widths[k - 1]!
    const layer = conv2d(own, {
      inputChannels,
      filters,
      kernel: 4,
      stride: 2,
      padding: 1,
      initialiser,
      bias: !normalise && k > 0,
    })
    return k > 0 && normalise
      ? sequential(layer, normalise(own.child('norm'), { channels: filters }), leaky)
      : sequential(layer, leaky)
  })
  const size = base * base * (widths.at(-1) as number)
  const last = dense(scope.child('last'), { inputs: size, units: outputs, bias: false, initialiser })
  return sequential(...layers, (x, mode) => last(tf.reshape(x, [-1, size]), mode))
}

/** The released networks: 3,576,704 + 6,832,640 parameters for 64×64×3, latentDimension 100. */
export function convolutionalGan(options: ConvolutionalGanOptions): Gan {
  const { rng, shape, latentDimension, features = 64, discriminatorFeatures = features } = convolutionalNames(options)
  const { discriminatorNormalisation: normalisation = 'batch-norm' } = options
  return gan({
    rng,
    latentDimension,
    shape,
    generate: (scope) => dcganGenerator(scope, options),
    discriminate: (scope) => dcganEncoder(scope, { shape, features: discriminatorFeatures, outputs: 1, normalisation }),
  })
}

export interface ConvolutionalAutoEncoderOptions {
  readonly shape: readonly number[]
  readonly latentDimension: number
  readonly features?: number
  /** Of encoder and decoder. Default 'batch-norm'. */
  readonly normalisation?: NormalisationChoice
  readonly rng: Random
}
const convolutionalAutoEncoderNames = optionNames<ConvolutionalAutoEncoderOptions>('convolutionalAutoEncoder', {
  shape: true,
  latentDimension: true,
  features: true,
  normalisation: true,
  rng: true,
})

/**
 * The released auto-encoder: an encoder of 7,643,648 parameters for 64×64×3 and 100 codes; decoder as the generator.
 */
export function convolutionalAutoEncoder(options: ConvolutionalAutoEncoderOptions): AutoEncoder {
  const {
    rng,
    shape,
    latentDimension,
    features = 64,
    normalisation = 'batch-norm',
  } = convolutionalAutoEncoderNames(options)
  return autoEncoder({
    rng,
    latentDimension,
    shape,
    encode: (scope) => dcganEncoder(scope, { shape, features, outputs: latentDimension, normalisation }),
    decode: (scope) => dcganGenerator(scope, { shape, latentDimension, features, normalisation }),
  })
}
