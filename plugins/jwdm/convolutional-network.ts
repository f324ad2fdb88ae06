import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/index.ts'
import { optionError, optionNames } from '../../core/options/index.ts'
import {
  batchNormTraining,
  conv2d,
  type Layer,
  normal,
  sequential,
  transposedConv2d,
  type VariableScope,
  variableScope,
} from '../../core/tensor/index.ts'
import { type Domain, type JointNetwork, jointNetwork } from './joint-network.ts'

export interface ConvolutionalJointNetworkOptions {
  /** [height, width, channels] of each domain; heights and widths must lead to codes of one size. */
  readonly x: readonly number[]
  readonly y: readonly number[]
  /** Channels after the first convolution; each halving doubles them. Default 64. */
  readonly features?: number
  /** Halvings between image and code. Default 2. */
  readonly halvings?: number
  /** Residual blocks in each encoder and in each decoder. Default 3. */
  readonly blocks?: number
  /** Side of the outermost kernels. Default 7. */
  readonly kernel?: number
  /** Convolutions of stride 2 in the critics of images. Default 3: fields of 70×70 pixels. */
  readonly criticHalvings?: number
  readonly rng: Random
}

/** N(0, 0.02²), as CycleGAN starts. */
const initialiser = normal({ stdDev: 0.02 })
const LEAK = 0.2
const EPSILON = 1e-5

/**
 * Instance normalisation (Ulyanov et al. 2016) without scale and offset: it uses the statistics of one image and
 * channel, so a batch may have a single image. With images arranged as channels it is computed by the fused batch
 * normalisation.
 */
const instanceNorm =
  (relu: boolean): Layer =>
  (x) => {
    const [batch = 1, height = 1, width = 1, channels = 1] = x.shape
    if (batch === 1) return batchNormTraining(x, undefined, undefined, EPSILON, relu).y
    const beside = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [height * width, batch * channels])
    const { y } = batchNormTraining(beside, undefined, undefined, EPSILON, relu)
    return tf.transpose(tf.reshape(y, [height, width, batch, channels]), [2, 0, 1, 3])
  }

function convNorm(
  scope: VariableScope,
  shape: { inputChannels: number; filters: number; kernel: number; stride?: number },
  relu = true,
): Layer {
  const convolution = conv2d(scope, { ...shape, initialiser })
  return sequential(convolution, instanceNorm(relu))
}

function residual(scope: VariableScope, channels: number): Layer {
  const shape = { inputChannels: channels, filters: channels, kernel: 3 }
  const inner = sequential(convNorm(scope.child('first'), shape), convNorm(scope.child('second'), shape, false))
  return (x, mode) => tf.add(x, inner(x, mode))
}

type Plan = Required<Omit<ConvolutionalJointNetworkOptions, 'rng' | 'x' | 'y'>>

function encoder(scope: VariableScope, channels: number, { features, halvings, blocks, kernel }: Plan): Layer {
  const widths = Array.from({ length: halvings + 1 }, (_, k) => features * 2 ** k)
  return sequential(
    convNorm(scope.child('first'), { inputChannels: channels, filters: features, kernel }),
    ...widths.slice(1).map((filters, k) => {
      const shape = { inputChannels: widths[k] as number, filters, kernel: 3, stride: 2 }
      return convNorm(scope.child(`down_${k}`), shape)
    }),
    ...Array.from({ length: blocks }, (_, k) => residual(scope.child(`block_${k}`), widths.at(-1) as number)),
  )
}

function decoder(scope: VariableScope, channels: number, { features, halvings, blocks, kernel }: Plan): Layer {
  const widths = Array.from({ length: halvings + 1 }, (_, k) => features * 2 ** (halvings - k))
  const up = (filters: number, k: number) => {
    const own = scope.child(`up_${k}`)
    const shape = { inputChannels: widths[k] as number, filters, kernel: 3, stride: 2, initialiser }
    return sequential(transposedConv2d(own, shape), instanceNorm(true))
  }
  const last = conv2d(scope.child('last'), {
    inputChannels: features,
    filters: channels,
    kernel,
    bias: true,
    initialiser,
  })
  return sequential(
    ...Array.from({ length: blocks }, (_, k) => residual(scope.child(`block_${k}`), widths[0] as number)),
    ...widths.slice(1).map(up),
    last,
    tf.tanh,
  )
}

/**
 * PatchGAN (Isola et al. 2017): 4×4 convolutions, `halvings` of them with stride 2, then two without. It gives a score
 * per patch.
 */
function patchCritic(scope: VariableScope, channels: number, features: number, halvings: number): Layer {
  const widths = Array.from({ length: halvings + 1 }, (_, k) => features * Math.min(8, 2 ** k))
  const leaky: Layer = (x) => tf.leakyRelu(x, LEAK)
  const layers = widths.map((filters, k) => {
    const own = scope.child(k)
    const inputChannels = k === 0 ? channels : widths[k - 1]!
    const shape = { inputChannels, filters, kernel: 4, stride: k < halvings ? 2 : 1, bias: true, initialiser }
    const convolution = conv2d(own, shape)
    // The first layer is not normalised.
    return k === 0 ? sequential(convolution, leaky) : sequential(convolution, instanceNorm(false), leaky)
  })
  const last = { inputChannels: widths.at(-1) as number, filters: 1, kernel: 4, bias: true, initialiser }
  return sequential(...layers, conv2d(scope.child('last'), last))
}

/** Three 1×1 convolutions: a score at every position of the code. */
function latentCritic(scope: VariableScope, channels: number): Layer {
  const leaky: Layer = (x) => tf.leakyRelu(x, LEAK)
  const sizes = [channels, channels, channels, 1]
  const layers = sizes.slice(1).map((filters, k) => {
    const shape = { inputChannels: sizes[k] as number, filters, kernel: 1, bias: true, initialiser }
    return conv2d(scope.child(k), shape)
  })
  return sequential(...layers.flatMap((layer, k) => (k < layers.length - 1 ? [layer, leaky] : [layer])))
}

const convolutionalJointNetworkNames = optionNames<ConvolutionalJointNetworkOptions>('convolutionalJointNetwork', {
  x: true,
  y: true,
  features: true,
  halvings: true,
  blocks: true,
  kernel: true,
  criticHalvings: true,
  rng: true,
})

/**
 * The image networks of the paper's predecessor, adapted from CycleGAN: encoders of one outer convolution, halvings and
 * residual blocks, decoders the other way round (instance normalisation, tanh: images in [−1, 1]), PatchGAN critics.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_JWDM_SHAPES for domains whose codes differ in size.
 */
export function convolutionalJointNetwork(options: ConvolutionalJointNetworkOptions): JointNetwork {
  convolutionalJointNetworkNames(options)
  const { x, y, rng, features = 64, halvings = 2, blocks = 3, kernel = 7, criticHalvings = 3 } = options
  const plan: Plan = { features, halvings, blocks, kernel, criticHalvings }
  for (const [option, received] of Object.entries(plan)) {
    const least = ['features', 'kernel'].includes(option) ? 1 : 0
    if (!Number.isInteger(received) || received < least)
      throw optionError('convolutionalJointNetwork', option, received, `a whole number of at least ${least}`)
  }
  const codeOf = (shape: readonly number[]) => [
    ...shape.slice(0, 2).map((size) => Math.ceil(size / 2 ** halvings)),
    features * 2 ** halvings,
  ]
  for (const [name, shape] of Object.entries({ x, y }))
    if (shape.length !== 3 || !shape.every((size) => Number.isInteger(size) && size >= 1))
      throw optionError('convolutionalJointNetwork', name, shape, '[height, width, channels]')
  const scope = variableScope({ rng })
  const critics = scope.child('critics')
  const domain = (name: 'x' | 'y', shape: readonly number[]): Domain => {
    const channels = shape[2] as number
    return {
      shape,
      encode: encoder(scope.child(`encoder_${name}`), channels, plan),
      decode: decoder(scope.child(`decoder_${name}`), channels, plan),
      criticise: patchCritic(critics.child(name), channels, features, criticHalvings),
    }
  }
  return jointNetwork({
    scope,
    latentShape: codeOf(x),
    x: domain('x', x),
    y: domain('y', y),
    criticiseLatent: latentCritic(critics.child('latent'), features * 2 ** halvings),
  })
}
