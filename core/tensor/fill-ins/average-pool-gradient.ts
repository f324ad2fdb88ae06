import * as tf from '@tensorflow/tfjs-core'
import type { GradientFillIn } from './fill-in.ts'

interface PoolAttributes {
  readonly filterSize: number | [number, number]
  readonly strides: number | [number, number]
  readonly pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** Window positions along one axis that lie inside the input, for each output. */
const counts = (outputs: number, stride: number, size: number, before: number, inputs: number): number[] =>
  Array.from({ length: outputs }, (_, i) => {
    const start = i * stride - before
    return Math.min(start + size, inputs) - Math.max(start, 0)
  })

/**
 * tfjs averages over the pixels under the window, padding not counted, but its gradient divides by the whole window.
 * Scaling dy by window / counted sets the border right.
 */
export const averagePoolGradient: GradientFillIn = {
  kernel: 'AvgPool',
  gradient: (stock) => (dy, saved, attributes) => {
    const { filterSize, strides, pad, dimRoundingMode } = attributes as unknown as PoolAttributes
    const [x] = saved as [tf.Tensor4D]
    const geometry = tf.backend_util.computePool2DInfo(x.shape, filterSize, strides, 1, pad, dimRoundingMode)
    const { padInfo, filterHeight, filterWidth } = geometry
    const unpadded = padInfo.top + padInfo.bottom + padInfo.left + padInfo.right === 0
    if (unpadded) return (stock as tf.GradFunc)(dy, saved, attributes)
    const rows = counts(geometry.outHeight, geometry.strideHeight, filterHeight, padInfo.top, geometry.inHeight)
    const columns = counts(geometry.outWidth, geometry.strideWidth, filterWidth, padInfo.left, geometry.inWidth)
    const factors = rows.flatMap((row) => columns.map((column) => (filterHeight * filterWidth) / (row * column)))
    const scaled = () => tf.mul(dy as tf.Tensor4D, tf.tensor4d(factors, [1, rows.length, columns.length, 1]))
    return (stock as tf.GradFunc)(tf.tidy(scaled), saved, attributes)
  },
}
