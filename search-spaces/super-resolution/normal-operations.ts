import * as tf from '@tensorflow/tfjs-core'
import { conv2d, type Layer, prelu, sequential, transposedConv2d, type VariableScope } from '../../core/tensor/index.ts'
import type { LayerCounter } from '../operations/cost.ts'
import { edgeOperations } from '../operations/edge-operations.ts'
import { countResidualChannelAttention, residualChannelAttention } from './attention.ts'
import type { NormalOperationName } from './space.ts'

/** Cost of a layer, with the share of transposed convolutions, which some papers do not count. */
export interface OperationCost {
  readonly parameters: number
  readonly multiplyAdds: number
  readonly transposedMultiplyAdds: number
}

export interface NormalOperationOptions {
  readonly channels: number
  readonly normalised: boolean
}

const attentionOf = ({ channels, normalised }: NormalOperationOptions) => ({
  channels,
  // A third, as in the released code, not a sixteenth as in RCAN.
  bottleneck: Math.floor(channels / 3),
  normalised,
})

/** Builds an operation of the normal cell: [b, h, w, C] → [b, h, w, C]. */
export function buildNormalOperation(
  scope: VariableScope,
  op: NormalOperationName,
  options: NormalOperationOptions,
): Layer {
  const { channels } = options
  if (op === 'rcab') return residualChannelAttention(scope, attentionOf(options))
  if (op === 'up_and_down_projection') return upAndDownProjection(scope, channels)
  return edgeOperations[op].build(scope, { channelsIn: channels, channelsOut: channels, affine: false })
}

/** Cost for an image of height × width positions. */
export function countNormalOperation(
  op: NormalOperationName,
  options: NormalOperationOptions,
  size: { readonly height: number; readonly width: number },
): OperationCost {
  const { channels } = options
  const shape = { ...size, channels }
  const counted = (count: LayerCounter): OperationCost => {
    const { parameters, multiplyAdds } = count(shape)
    return { parameters, multiplyAdds, transposedMultiplyAdds: 0 }
  }
  if (op === 'rcab') return counted(countResidualChannelAttention(attentionOf(options)))
  if (op === 'up_and_down_projection') {
    // Three convolutions and three transposed ones, each with 36C² multiply-adds per position of the small image.
    const each = 36 * channels * channels * size.height * size.width
    const parameters = 6 * (36 * channels * channels + channels + channels)
    return { parameters, multiplyAdds: 6 * each, transposedMultiplyAdds: 3 * each }
  }
  return counted(edgeOperations[op].cost({ channelsIn: channels, channelsOut: channels, affine: false }))
}

/**
 * An up-projection by 2, then a down-projection (Haris et al., DBPN, 2018, §3): the error of going up and back is
 * projected up again and added, and likewise on the way down. Kernel 6, stride 2, bias, PReLU with one slope per
 * channel.
 */
function upAndDownProjection(scope: VariableScope, channels: number): Layer {
  const form = { inputChannels: channels, filters: channels, kernel: 6, stride: 2, padding: 2, bias: true } as const
  const up = (name: string) =>
    sequential(transposedConv2d(scope.child(name), form), prelu(scope.child(`${name}_slope`), { channels }))
  const down = (name: string) =>
    sequential(conv2d(scope.child(name), form), prelu(scope.child(`${name}_slope`), { channels }))
  const [up1, back1, again1] = [up('up_1'), down('up_2'), up('up_3')]
  const [down2, back2, again2] = [down('down_1'), up('down_2'), down('down_3')]
  return (x, mode) => {
    const h0 = up1(x, mode)
    const high = tf.add(h0, again1(tf.sub(back1(h0, mode), x), mode))
    const l0 = down2(high, mode)
    return tf.add(l0, again2(tf.sub(back2(l0, mode), high), mode))
  }
}
