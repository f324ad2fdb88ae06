import * as tf from '@tensorflow/tfjs-core'
import { fromBoth, fromInput, type GradientTable } from './rule.ts'

interface PoolAttributes {
  readonly filterSize: number | [number, number]
  readonly strides: number | [number, number]
  readonly pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

const run = (kernel: string, inputs: tf.NamedTensorMap, attributes: object) =>
  tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap) as tf.Tensor

/** Window positions along one axis that lie inside the input, for each output. */
const counts = (outputs: number, stride: number, size: number, before: number, inputs: number): number[] =>
  Array.from({ length: outputs }, (_, i) => {
    const start = i * stride - before
    return Math.max(1, Math.min(start + size, inputs) - Math.max(start, 0))
  })

/**
 * tfjs averages over the pixels under the window, padding not counted, but its gradient kernel divides by the whole
 * window. Scaling dy by window / counted sets the border right.
 */
function atBorders(dy: tf.Tensor, x: tf.Tensor, attributes: PoolAttributes): tf.Tensor {
  const { filterSize, strides, pad, dimRoundingMode } = attributes
  const shape = x.shape as [number, number, number, number]
  const geometry = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode)
  const { padInfo, filterHeight, filterWidth } = geometry
  if (padInfo.top + padInfo.bottom + padInfo.left + padInfo.right === 0) return dy
  const rows = counts(geometry.outHeight, geometry.strideHeight, filterHeight, padInfo.top, geometry.inHeight)
  const columns = counts(geometry.outWidth, geometry.strideWidth, filterWidth, padInfo.left, geometry.inWidth)
  const factors = rows.flatMap((row) => columns.map((column) => (filterHeight * filterWidth) / (row * column)))
  return tf.mul(dy, tf.tensor4d(factors, [1, rows.length, columns.length, 1]))
}

export const windows: GradientTable = {
  AvgPool: fromInput((dy, x, attributes: PoolAttributes) => {
    const { filterSize, strides, pad, dimRoundingMode } = attributes
    const inputs = { dy: atBorders(dy, x, attributes), input: x }
    return run('AvgPoolGrad', inputs, { filterSize, strides, pad, dimRoundingMode })
  }),
  LRN: fromBoth((dy, x, y, { depthRadius, bias, alpha, beta }: Record<string, number>) =>
    run('LRNGrad', { x, y, dy }, { depthRadius, bias, alpha, beta }),
  ),
  MaxPool: fromBoth((dy, x, y, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) =>
    run('MaxPoolGrad', { dy, input: x, output: y }, { filterSize, strides, pad, dimRoundingMode }),
  ),
}
