import * as tf from '@tensorflow/tfjs-core'
import type { KernelFillIn } from './fill-in.ts'
import { type Conv2DInfo, type ConvolutionAttributes, convolutionInfo, padOrCrop } from './sliding-window.ts'

/**
 * ∂L/∂W[k, l, c, o] = Σ over n, i, j of x̂[n, i·s + k·d, j·s + l·d, c] · dy[n, i, j, o]: this is itself a convolution,
 * with channels in place of the batch, dy as its kernel, and stride and dilation swapped.
 */
export function convolutionFilterGradientOf(x: tf.Tensor4D, dy: tf.Tensor4D, geometry: Conv2DInfo): tf.Tensor4D {
  const { filterHeight, filterWidth, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = geometry
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = geometry
  if (filterHeight * filterWidth * strideHeight * strideWidth === 1 && outHeight === inHeight && outWidth === inWidth) {
    const columns = tf.transpose(tf.reshape(x, [-1, inChannels]))
    return tf.reshape(tf.matMul(columns, tf.reshape(dy, [-1, outChannels])), [1, 1, inChannels, outChannels])
  }
  // Exactly the rows and columns that some output reads.
  const usedHeight = (outHeight - 1) * strideHeight + (filterHeight - 1) * dilationHeight + 1
  const usedWidth = (outWidth - 1) * strideWidth + (filterWidth - 1) * dilationWidth + 1
  const used = padOrCrop(
    x,
    padInfo.top,
    usedHeight - inHeight - padInfo.top,
    padInfo.left,
    usedWidth - inWidth - padInfo.left,
  )
  const gradient = tf.conv2d(
    tf.transpose(used, [3, 1, 2, 0]),
    tf.transpose(dy, [1, 2, 0, 3]),
    [dilationHeight, dilationWidth],
    'valid',
    'NHWC',
    [strideHeight, strideWidth],
  )
  return tf.transpose(gradient, [1, 2, 0, 3])
}

export const convolutionFilterGradient: KernelFillIn = {
  kernel: 'Conv2DBackpropFilter',
  compute: (inputs, attributes) => {
    const options = attributes as unknown as ConvolutionAttributes & { filterShape: number[] }
    const channelsLast = (t: tf.Tensor | undefined) =>
      (options.dataFormat === 'NCHW' ? tf.transpose(t as tf.Tensor, [0, 2, 3, 1]) : t) as tf.Tensor4D
    const x = channelsLast(inputs.x)
    return convolutionFilterGradientOf(
      x,
      channelsLast(inputs.dy),
      convolutionInfo(x.shape, options.filterShape, options),
    )
  },
}
