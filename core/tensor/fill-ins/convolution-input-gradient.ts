import * as tf from '@tensorflow/tfjs-core'
import type { KernelFillIn } from './fill-in.ts'
import { type Conv2DInfo, type ConvolutionAttributes, convolutionInfo, padOrCrop } from './sliding-window.ts'

/** Along one axis: the taps k ≡ phase (mod stride), in descending order, which reach inputs of that phase. */
function tapsOf(phase: number, stride: number, size: number): number[] {
  const taps: number[] = []
  for (let k = phase; k < size; k += stride) taps.unshift(k)
  return taps
}

/**
 * ∂L/∂x for kernel [kh, kw, in, out]. Padded input position q reads dy[i] through tap k where q = i·s + k·d. Positions
 * of equal q mod s share their taps, so each phase is one dense convolution of dy with the reversed taps of that
 * phase, and no inserted zeros are multiplied.
 */
export function convolutionInputGradientOf(dy: tf.Tensor4D, kernel: tf.Tensor4D, geometry: Conv2DInfo): tf.Tensor4D {
  const { strideHeight, strideWidth, filterHeight, filterWidth, inHeight, inWidth, padInfo } = geometry
  const { dilationHeight, dilationWidth, outHeight, outWidth } = geometry
  const [rows, columns] = [
    Math.ceil((padInfo.top + inHeight) / strideHeight),
    Math.ceil((padInfo.left + inWidth) / strideWidth),
  ]
  const swapped = tf.transpose(kernel, [0, 1, 3, 2]) as tf.Tensor4D

  const phaseAt = (down: number, right: number): tf.Tensor4D => {
    const [high, wide] = [tapsOf(down, strideHeight, filterHeight), tapsOf(right, strideWidth, filterWidth)]
    if (high.length === 0 || wide.length === 0)
      return tf.zeros([geometry.batchSize, rows, columns, geometry.inChannels])
    const [above, before] = [(high.length - 1) * dilationHeight, (wide.length - 1) * dilationWidth]
    const reached = padOrCrop(dy, above, rows - outHeight, before, columns - outWidth)
    const taps = tf.gather(tf.gather(swapped, tf.tensor1d(high, 'int32'), 0), tf.tensor1d(wide, 'int32'), 1)
    return tf.conv2d(reached, taps, 1, 'valid', 'NHWC', [dilationHeight, dilationWidth])
  }

  const { top, left } = padInfo
  const whole = interleave(strideHeight, strideWidth, phaseAt)
  return padOrCrop(whole, -top, inHeight + top - whole.shape[1], -left, inWidth + left - whole.shape[2])
}

/** Puts the phases of rows and columns, each [n, h, w, c], into their places in [n, h·rows, w·columns, c]. */
function interleave(rows: number, columns: number, phaseAt: (row: number, column: number) => tf.Tensor4D): tf.Tensor4D {
  const first = phaseAt(0, 0)
  if (rows * columns === 1) return first
  const [n, h, w, c] = first.shape
  const lines = Array.from({ length: rows }, (_, row) => {
    const line = tf.concat(
      Array.from({ length: columns }, (_, column) => (row + column === 0 ? first : phaseAt(row, column))),
      3,
    )
    return tf.reshape(line, [n * h, 1, w * columns * c])
  })
  return tf.reshape(tf.concat(lines, 1), [n, h * rows, w * columns, c])
}

export const convolutionInputGradient: KernelFillIn = {
  kernel: 'Conv2DBackpropInput',
  compute: (inputs, attributes) => {
    const options = attributes as unknown as ConvolutionAttributes & { inputShape: number[] }
    const kernel = inputs.filter as tf.Tensor4D
    if (options.dataFormat !== 'NCHW')
      return convolutionInputGradientOf(
        inputs.dy as tf.Tensor4D,
        kernel,
        convolutionInfo(options.inputShape, kernel.shape, options),
      )
    const [n, c, h, w] = options.inputShape as [number, number, number, number]
    const dx = convolutionInputGradientOf(
      tf.transpose(inputs.dy as tf.Tensor4D, [0, 2, 3, 1]),
      kernel,
      convolutionInfo([n, h, w, c], kernel.shape, options),
    )
    return tf.transpose(dx, [0, 3, 1, 2])
  },
}
