import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../options/index.ts'
import { spatialMean } from '../fused.ts'
import type { Layer } from '../scope.ts'
import { type SlidingOptions, slidingOf } from './geometry.ts'

type PoolOptions = Omit<SlidingOptions, 'dilation'>

const maxPoolNames = optionNames<PoolOptions>('maxPool', { kernel: true, stride: true, padding: true })

/** Greatest value under the window; padding never wins. */
export function maxPool(options: PoolOptions): Layer {
  maxPoolNames(options)
  const { kernel, stride, padding } = slidingOf('maxPool', options)
  return (x) => tf.maxPool(x as tf.Tensor4D, [kernel[0], kernel[1]], stride, padding)
}

const avgPoolNames = optionNames<PoolOptions>('avgPool', { kernel: true, stride: true, padding: true })

/** Mean of the values under the window; padding is not counted (count_include_pad = false, as in DARTS). */
export function avgPool(options: PoolOptions): Layer {
  avgPoolNames(options)
  const { kernel, stride, padding } = slidingOf('avgPool', options)
  return (x) => tf.avgPool(x as tf.Tensor4D, [kernel[0], kernel[1]], stride, padding)
}

/** [b, h, w, c] → [b, c]: mean over all positions. */
export const globalAvgPool = (): Layer => (x) => spatialMean(x)
