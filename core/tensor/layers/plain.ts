import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../options/index.ts'
import { constant } from '../initialisers.ts'
import type { Layer, VariableScope } from '../scope.ts'
import { positiveInteger, takesChannels } from './geometry.ts'

/** Applies one layer after the other. */
export const sequential =
  (...layers: readonly Layer[]): Layer =>
  (x, mode) =>
    layers.reduce((y, layer) => layer(y, mode), x)

export const identity = (): Layer => (x) => x

export const relu = (): Layer => (x) => tf.relu(x)

const zeroNames = optionNames<{ stride?: number }>('zero', { stride: true })

/** No connection: zeros of the input's shape, height and width divided by the stride (rounded up). */
export function zero(options: { stride?: number } = {}): Layer {
  zeroNames(options)
  const stride = positiveInteger('zero', 'stride', options.stride ?? 1)
  return (x) => {
    const [batch = 1, height = 1, width = 1, ...rest] = x.shape
    return stride === 1
      ? tf.zerosLike(x)
      : tf.zeros([batch, Math.ceil(height / stride), Math.ceil(width / stride), ...rest])
  }
}

const preluNames = optionNames<{ channels: number; slope?: number }>('prelu', { channels: true, slope: true })

/** [b, h, w, c] → [b, h, w, c], negative values scaled by a learned slope per channel (He et al., 2015). */
export function prelu(scope: VariableScope, options: { channels: number; slope?: number }): Layer {
  preluNames(options)
  const channels = positiveInteger('prelu', 'channels', options.channels)
  const alpha = scope.weight('alpha', [channels], constant(options.slope ?? 0.25))
  return takesChannels('prelu', channels, (x) => tf.prelu(x, alpha))
}

const pixelShuffleNames = optionNames<{ factor: number }>('pixelShuffle', { factor: true })

/** [b, h, w, c·factor²] → [b, h·factor, w·factor, c] (Shi et al., 2016). */
export function pixelShuffle(options: { factor: number }): Layer {
  pixelShuffleNames(options)
  const factor = positiveInteger('pixelShuffle', 'factor', options.factor)
  return (x) => (factor === 1 ? x : tf.depthToSpace(x as tf.Tensor4D, factor))
}
