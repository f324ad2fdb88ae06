import * as tf from '@tensorflow/tfjs-core'
import { insertZeros } from '../resample.ts'
import type { KernelFillIn } from './fill-in.ts'
import { type Conv2DInfo, type ConvolutionAttributes, convolutionInfo, padOrCrop } from './sliding-window.ts'

/** Spreads dy to stride 1, and pads it so that the windows of the rotated kernel cover every input. */
function spreadOutputGradient(dy: tf.Tensor4D, geometry: Conv2DInfo): tf.Tensor4D {
  const { strideHeight, strideWidth, effectiveFilterHeight, effectiveFilterWidth, inHeight, inWidth } = geometry
  const { top, left } = geometry.padInfo
  const spread = insertZeros(dy, [strideHeight, strideWidth])
  const [above, before] = [effectiveFilterHeight - 1 - top, effectiveFilterWidth - 1 - left]
  return padOrCrop(
    spread,
    above,
    inHeight + effectiveFilterHeight - 1 - above - spread.shape[1],
    before,
    inWidth + effectiveFilterWidth - 1 - before - spread.shape[2],
  )
}

/**
 * ∂L/∂x: the depthwise convolution of dy, spread to stride 1, with the kernel rotated by 180°, summed over the
 * multiplier.
 */
export function depthwiseInputGradientOf(dy: tf.Tensor4D, kernel: tf.Tensor4D, geometry: Conv2DInfo): tf.Tensor4D {
  const { inChannels, outChannels, dilationHeight, dilationWidth } = geometry
  const multiplier = outChannels / inChannels
  const spread = spreadOutputGradient(dy, geometry)
  const turned = tf.reverse(kernel, [0, 1])
  const convolve = (gradient: tf.Tensor4D, taps: tf.Tensor4D) =>
    tf.depthwiseConv2d(gradient, taps, 1, 'valid', 'NHWC', [dilationHeight, dilationWidth])
  if (multiplier === 1) return convolve(spread, turned)
  const [n, h, w] = spread.shape
  const parts = tf.unstack(tf.reshape(spread, [n * h * w, inChannels, multiplier]), 2)
  const kernels = tf.split<tf.Tensor4D>(turned, multiplier, 3)
  return tf.addN(parts.map((part, m) => convolve(tf.reshape(part, [n, h, w, inChannels]), kernels[m] as tf.Tensor4D)))
}

export const depthwiseInputGradient: KernelFillIn = {
  kernel: 'DepthwiseConv2dNativeBackpropInput',
  compute: (inputs, attributes) => {
    const options = attributes as unknown as ConvolutionAttributes & { inputShape: number[] }
    const kernel = inputs.filter as tf.Tensor4D
    return depthwiseInputGradientOf(
      inputs.dy as tf.Tensor4D,
      kernel,
      convolutionInfo(options.inputShape, kernel.shape, options, true),
    )
  },
}
