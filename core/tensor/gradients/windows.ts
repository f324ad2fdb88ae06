import * as tf from '@tensorflow/tfjs-core'
import { subsample } from '../resample.ts'
import { fromBoth, fromInput, type GradientTable } from './rule.ts'

interface PoolAttributes {
  readonly filterSize: number | [number, number]
  readonly strides: number | [number, number]
  readonly pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

interface Pool3DAttributes {
  readonly filterSize: number | [number, number, number]
  readonly strides: number | [number, number, number]
  readonly pad: 'same' | 'valid' | number
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

const run = (kernel: string, inputs: tf.NamedTensorMap, attributes: object) =>
  tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap) as tf.Tensor

/** For each output, the number of window positions along one axis that lie inside the input. */
const counts = (outputs: number, stride: number, size: number, before: number, inputs: number): number[] =>
  Array.from({ length: outputs }, (_, i) => {
    const start = i * stride - before
    return Math.max(1, Math.min(start + size, inputs) - Math.max(start, 0))
  })

const geometryOf = (x: tf.Tensor, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) =>
  tf.backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  )

/**
 * Window size divided by the number of its pixels that lie on the image, [1, rows, columns, 1]; undefined if all of
 * them do.
 */
function shareOnImage(x: tf.Tensor, attributes: PoolAttributes): tf.Tensor | undefined {
  const { padInfo, filterHeight, filterWidth, ...geometry } = geometryOf(x, attributes)
  const rows = counts(geometry.outHeight, geometry.strideHeight, filterHeight, padInfo.top, geometry.inHeight)
  const columns = counts(geometry.outWidth, geometry.strideWidth, filterWidth, padInfo.left, geometry.inWidth)
  const factors = rows.flatMap((row) => columns.map((column) => (filterHeight * filterWidth) / (row * column)))
  return factors.every((factor) => factor === 1) ? undefined : tf.tensor4d(factors, [1, rows.length, columns.length, 1])
}

/**
 * tfjs averages over the pixels under the window without padding, but its gradient kernel divides by the size of the
 * whole window. Scaling dy by window size / counted pixels corrects the border.
 */
function atBorders(dy: tf.Tensor, x: tf.Tensor, attributes: PoolAttributes): tf.Tensor {
  const factors = shareOnImage(x, attributes)
  return factors ? tf.mul(dy, factors) : dy
}

function atBorders3D(dy: tf.Tensor, x: tf.Tensor, { filterSize, strides, pad, dimRoundingMode }: Pool3DAttributes) {
  const shape = x.shape as [number, number, number, number, number]
  const info = tf.backend_util.computePool3DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode)
  const { padInfo, filterDepth, filterHeight, filterWidth } = info
  const planes = counts(info.outDepth, info.strideDepth, filterDepth, padInfo.front, info.inDepth)
  const rows = counts(info.outHeight, info.strideHeight, filterHeight, padInfo.top, info.inHeight)
  const columns = counts(info.outWidth, info.strideWidth, filterWidth, padInfo.left, info.inWidth)
  const whole = filterDepth * filterHeight * filterWidth
  const factors = planes.flatMap((plane) =>
    rows.flatMap((row) => columns.map((column) => whole / (plane * row * column))),
  )
  return tf.mul(dy, tf.tensor5d(factors, [1, planes.length, rows.length, columns.length, 1]))
}

/** For each window, the value of `from` at the first place where `input` is the window's maximum. */
function atMaxima(from: tf.Tensor, input: tf.Tensor, output: tf.Tensor, attributes: PoolAttributes): tf.Tensor {
  const { padInfo, ...geometry } = geometryOf(input, attributes)
  const { outHeight, outWidth, strideHeight, strideWidth, filterHeight, filterWidth, inHeight, inWidth } = geometry
  const height = (outHeight - 1) * strideHeight + filterHeight
  const width = (outWidth - 1) * strideWidth + filterWidth
  const below = Math.max(0, height - padInfo.top - inHeight)
  const behind = Math.max(0, width - padInfo.left - inWidth)
  const padded = (x: tf.Tensor, value: number) => {
    const border: [number, number][] = [
      [0, 0],
      [padInfo.top, below],
      [padInfo.left, behind],
      [0, 0],
    ]
    return tf.pad(x, border, value) as tf.Tensor4D
  }
  const [values, inputs] = [padded(from, 0), padded(input, Number.NEGATIVE_INFINITY)]
  const [batch, channels] = [input.shape[0] as number, input.shape[3] as number]
  const reach = [batch, (outHeight - 1) * strideHeight + 1, (outWidth - 1) * strideWidth + 1, channels]
  let open: tf.Tensor = tf.onesLike(output)
  let found: tf.Tensor = tf.zerosLike(output)
  for (let i = 0; i < filterHeight; i++)
    for (let j = 0; j < filterWidth; j++) {
      const at = (x: tf.Tensor4D) =>
        subsample(tf.slice(x, [0, i, j, 0], reach) as tf.Tensor4D, [strideHeight, strideWidth])
      const here = tf.mul(open, tf.cast(tf.equal(at(inputs), output), 'float32'))
      found = tf.add(found, tf.mul(here, at(values)))
      open = tf.sub(open, here)
    }
  return found
}

export const windows: GradientTable = {
  AvgPool: fromInput((dy, x, attributes: PoolAttributes) => {
    const { filterSize, strides, pad, dimRoundingMode } = attributes
    const inputs = { dy: atBorders(dy, x, attributes), input: x }
    return run('AvgPoolGrad', inputs, { filterSize, strides, pad, dimRoundingMode })
  }),
  AvgPool3D: fromInput((dy, x, attributes: Pool3DAttributes) => {
    const { filterSize, strides, pad, dimRoundingMode } = attributes
    const inputs = { dy: atBorders3D(dy, x, attributes), input: x }
    return run('AvgPool3DGrad', inputs, { filterSize, strides, pad, dimRoundingMode })
  }),
  // This is linear in dy: an average over whole windows. Its input only determines the shape.
  AvgPoolGrad: {
    inputsToSave: ['input'],
    gradFunc: (given, [input], attributes) => {
      const options = attributes as unknown as PoolAttributes
      const [gradient, x] = [given as tf.Tensor4D, input as tf.Tensor]
      const { filterSize, strides, pad, dimRoundingMode } = options
      return {
        dy: () => {
          const pooled = tf.avgPool(gradient, filterSize, strides, pad as number, dimRoundingMode)
          const factors = shareOnImage(x, options)
          return factors ? tf.div(pooled, factors) : pooled
        },
        input: () => tf.zeros(x.shape),
      }
    },
  },
  LRN: fromBoth((dy, x, y, { depthRadius, bias, alpha, beta }: Record<string, number>) =>
    run('LRNGrad', { x, y, dy }, { depthRadius, bias, alpha, beta }),
  ),
  MaxPool: fromBoth((dy, x, y, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) =>
    run('MaxPoolGrad', { dy, input: x, output: y }, { filterSize, strides, pad, dimRoundingMode }),
  ),
  MaxPool3D: fromBoth((dy, x, y, { filterSize, strides, pad, dimRoundingMode }: Pool3DAttributes) =>
    run('MaxPool3DGrad', { dy, input: x, output: y }, { filterSize, strides, pad, dimRoundingMode }),
  ),
  // This is linear in dy: each value moves to the position of its window's maximum.
  MaxPoolGrad: {
    inputsToSave: ['input', 'output'],
    gradFunc: (given, saved, attributes) => {
      const [input, output] = saved as [tf.Tensor, tf.Tensor]
      return {
        dy: () => atMaxima(given as tf.Tensor, input, output, attributes as unknown as PoolAttributes),
        input: () => tf.zeros(input.shape),
        output: () => tf.zeros(output.shape),
      }
    },
  },
}
