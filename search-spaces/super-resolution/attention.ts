import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import {
  conv2d,
  dense,
  fanInUniform,
  globalAvgPool,
  type Initialiser,
  type Layer,
  relu,
  sequential,
  type VariableScope,
} from '../../core/tensor/index.ts'
import type { LayerCounter } from '../operations/cost.ts'

export interface ChannelAttentionOptions {
  readonly channels: number
  /** Number of channels in the middle, at least 1. */
  readonly bottleneck: number
}

/** Scales every channel by sigmoid(W₂·relu(W₁·mean + b₁) + b₂) of the channels' means (Zhang et al., RCAN, 2018, §3.3). */
export function channelAttention(scope: VariableScope, { channels, bottleneck }: ChannelAttentionOptions): Layer {
  const weigh = sequential(
    globalAvgPool(),
    dense(scope.child('squeeze'), { inputs: channels, units: bottleneck }),
    relu(),
    dense(scope.child('excite'), { inputs: bottleneck, units: channels }),
  )
  return (x, mode) => tf.mul(x, tf.reshape(tf.sigmoid(weigh(x, mode)), [-1, 1, 1, channels]))
}

export interface ResidualChannelAttentionOptions extends ChannelAttentionOptions {
  /** Of the convolutions; default U(±1/√fan-in): dozens of blocks in a row stay tame. */
  readonly initialiser?: Initialiser
  /** Whether to add an affine normalisation after each convolution; RCAN has none. Default: false. */
  readonly normalised?: boolean
}

const residualChannelAttentionNames = optionNames<ResidualChannelAttentionOptions>('residualChannelAttention', {
  channels: true,
  bottleneck: true,
  initialiser: true,
  normalised: true,
})

/** RCAB: x + attention(conv(relu(conv(x)))), 3×3 with bias (Zhang et al., RCAN, 2018, §3.4). */
export function residualChannelAttention(scope: VariableScope, options: ResidualChannelAttentionOptions): Layer {
  residualChannelAttentionNames(options)
  const { channels, normalised = false, initialiser = fanInUniform() } = options
  const convolution = (name: string) =>
    conv2d(scope.child(name), { inputChannels: channels, filters: channels, kernel: 3, bias: true, initialiser })
  const norm = (name: string) => (normalised ? [scope.child(name).normalise(channels)] : [])
  const body = sequential(
    convolution('first'),
    ...norm('first_norm'),
    relu(),
    convolution('second'),
    ...norm('second_norm'),
    channelAttention(scope.child('attention'), options),
  )
  return (x, mode) => tf.add(x, body(x, mode))
}

const countResidualChannelAttentionNames = optionNames<ResidualChannelAttentionOptions>(
  'countResidualChannelAttention',
  { channels: true, bottleneck: true, initialiser: true, normalised: true },
)

/**
 * Counts the block: 2(9C² + C) parameters, 2CB + B + C of the attention, and 4C of normalisations. Attention works on
 * one position.
 */
export const countResidualChannelAttention = (given: ResidualChannelAttentionOptions): LayerCounter => {
  const { channels: c, bottleneck: b, normalised = false } = countResidualChannelAttentionNames(given)
  return (input) => ({
    parameters: 2 * (9 * c * c + c) + 2 * c * b + b + c + (normalised ? 4 * c : 0),
    multiplyAdds: 18 * c * c * input.height * input.width + 2 * c * b,
    output: input,
  })
}
