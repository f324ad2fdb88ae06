/**
 * A layer's kernel as one or several matrices [dimension, outputs], and its input as the rows that these multiply. A
 * convolution is one matrix over its patches (im2col), a grouped convolution one per group, and a depthwise
 * convolution one per channel. A bias is the weight of a constant 1 that is appended to every row.
 */
import * as tf from '@tensorflow/tfjs-core'
import { subsample } from '../../core/tensor/index.ts'
import type { LinearTap } from '../../core/trainer.ts'

export interface Blocks {
  /** Number of matrices, each with its own inputs and projector. */
  readonly count: number
  /** Number of inputs of one output, including the constant. */
  readonly dimension: number
  /** [kernel] or [kernel, bias] → [count, dimension, outputs]. */
  stack(parts: readonly tf.Tensor[]): tf.Tensor3D
  /** The inverse of `stack`. */
  unstack(stacked: tf.Tensor3D): readonly tf.Tensor[]
  /** Layer input → the rows that the kernel multiplies, [count, rows, dimension]. Call inside a tidy. */
  rows(input: tf.Tensor): tf.Tensor3D
}

/**
 * The same matrices transposed: the output side is projected, and the rows are the outputs of the layer. This protects
 * nothing; it is a control for the projection of inputs.
 */
export function outputBlocksOf(use: Pick<LinearTap, 'kernel' | 'bias' | 'geometry'>): Blocks {
  const { kernel, bias, geometry } = use
  const inputs = blocksOf(use)
  const parts = geometry.kind === 'transposed-convolution' || !bias ? [kernel] : [kernel, bias]
  const turned = (stacked: tf.Tensor3D): tf.Tensor3D => tf.transpose(stacked, [0, 2, 1])
  return {
    count: inputs.count,
    dimension: sizesOf(kernel.shape, geometry).outputs,
    stack: (own) => turned(inputs.stack(own)),
    unstack: (stacked) => inputs.unstack(turned(stacked)),
    rows: (input) => tf.matMul(inputs.rows(input), inputs.stack(parts)),
  }
}

export function blocksOf({ kernel, bias, geometry }: Pick<LinearTap, 'kernel' | 'bias' | 'geometry'>): Blocks {
  const shape = kernel.shape
  // A transposed convolution spreads each pixel over its outputs, so its rows are pixels, and its bias is not part of
  // them.
  const transposed = geometry.kind === 'transposed-convolution'
  const own = transposed ? undefined : bias
  const { count, inputs, outputs } = sizesOf(shape, geometry)
  const dimension = inputs + (own ? 1 : 0)

  /** [inputs, count, outputs] ↔ [count, inputs, outputs] */
  const swap = (x: tf.Tensor, first: number, second: number) =>
    tf.transpose(tf.reshape(x, [first, second, outputs]), [1, 0, 2]) as tf.Tensor3D
  const matrices = (weights: tf.Tensor): tf.Tensor3D => {
    if (transposed) return tf.reshape(tf.transpose(tf.reshape(weights, [outputs, inputs])), [1, inputs, outputs])
    return count === 1 ? tf.reshape(weights, [1, inputs, outputs]) : swap(weights, inputs, count)
  }
  const weightsOf = (stacked: tf.Tensor3D): tf.Tensor => {
    if (transposed) return tf.reshape(tf.transpose(tf.reshape(stacked, [inputs, outputs])), shape)
    return tf.reshape(count === 1 ? stacked : swap(stacked, count, inputs), shape)
  }

  return {
    count,
    dimension,
    stack([weights, offset]) {
      const stacked = matrices(weights as tf.Tensor)
      return own ? tf.concat([stacked, tf.reshape(offset as tf.Tensor, [count, 1, outputs])], 1) : stacked
    },
    unstack(stacked) {
      if (!own) return [weightsOf(stacked)]
      const upper = tf.slice(stacked, [0, 0, 0], [count, inputs, outputs])
      return [weightsOf(upper), tf.reshape(tf.slice(stacked, [0, inputs, 0], [count, 1, outputs]), own.shape)]
    },
    rows(input) {
      const rows = rowsOf(input, geometry, count, inputs)
      return own ? tf.concat([rows, tf.ones([count, rows.shape[1], 1])], 2) : rows
    },
  }
}

function sizesOf(shape: readonly number[], geometry: LinearTap['geometry']) {
  if (geometry.kind === 'dense') return { count: 1, inputs: shape[0] as number, outputs: shape[1] as number }
  const [high, wide, third, fourth] = shape as [number, number, number, number]
  if (geometry.kind === 'transposed-convolution') return { count: 1, inputs: fourth, outputs: high * wide * third }
  if (geometry.kind === 'depthwise-convolution') return { count: third, inputs: high * wide, outputs: fourth }
  return { count: geometry.groups, inputs: high * wide * third, outputs: fourth / geometry.groups }
}

function rowsOf(input: tf.Tensor, geometry: LinearTap['geometry'], count: number, inputs: number): tf.Tensor3D {
  if (geometry.kind === 'dense' || geometry.kind === 'transposed-convolution') return tf.reshape(input, [1, -1, inputs])
  const { kernel, stride, dilation, padding } = geometry
  const x = input as tf.Tensor4D
  const [batch, , , channels] = x.shape
  const { padInfo, outHeight, outWidth } = tf.backend_util.computeConv2DInfo(
    x.shape,
    [kernel[0], kernel[1], channels, 1],
    stride,
    dilation,
    padding,
  )
  const { top, bottom, left, right } = padInfo
  const padded =
    top + bottom + left + right === 0
      ? x
      : tf.pad(x, [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ])
  const size = [(outHeight - 1) * stride + 1, (outWidth - 1) * stride + 1] as const
  const windows: tf.Tensor4D[] = []
  for (let i = 0; i < kernel[0]; i++)
    for (let j = 0; j < kernel[1]; j++) {
      const window = tf.slice(padded, [0, i * dilation, j * dilation, 0], [batch, ...size, channels])
      windows.push(subsample(window, stride))
    }
  // Row, column, channel: the memory order of a kernel.
  const patches = windows.length === 1 ? (windows[0] as tf.Tensor4D) : tf.concat(windows, 3)
  if (count === 1) return tf.reshape(patches, [1, -1, inputs])
  const split = tf.reshape(patches, [batch * outHeight * outWidth, windows.length, count, channels / count])
  return tf.reshape(tf.transpose(split, [2, 0, 1, 3]), [count, batch * outHeight * outWidth, inputs])
}
