import * as tf from '@tensorflow/tfjs-core'
import { spatialMean } from '../fused.ts'
import type { Layer } from '../scope.ts'
import { type SlidingOptions, slidingOf } from './geometry.ts'

type PoolOptions = Omit<SlidingOptions, 'dilation'>

/** Greatest value under the window; padding never wins. */
export function maxPool(options: PoolOptions): Layer {
  const { kernel, stride, padding } = slidingOf('maxPool', options)
  return (x) => tf.maxPool(x as tf.Tensor4D, [kernel[0], kernel[1]], stride, padding)
}

/** Mean of the values under the window; padding is not counted (count_include_pad = false, as in DARTS). */
export function avgPool(options: PoolOptions): Layer {
  const { kernel, stride, padding } = slidingOf('avgPool', options)
  return (x) => tf.avgPool(x as tf.Tensor4D, [kernel[0], kernel[1]], stride, padding)
}

/** [b, h, w, c] → [b, c]: mean over all positions. */
export const globalAvgPool = (): Layer => (x) => spatialMean(x)
