import * as tf from '@tensorflow/tfjs-core'
import { insertZeros } from '../resample.ts'
import type { KernelFillIn } from './fill-in.ts'
import { type Conv2DInfo, type ConvolutionAttributes, convolutionInfo, padOrCrop } from './sliding-window.ts'

/** Spreads dy to stride 1, and pads it so that the turned kernel's window over it covers every input. */
export function spreadOutputGradient(dy: tf.Tensor4D, geometry: Conv2DInfo): tf.Tensor4D {
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

/** ∂L/∂x: the convolution of dy, spread to stride 1, with the kernel turned by 180° and its channels swapped. */
export function convolutionInputGradientOf(dy: tf.Tensor4D, kernel: tf.Tensor4D, geometry: Conv2DInfo): tf.Tensor4D {
  const { filterHeight, filterWidth, strideHeight, strideWidth, inHeight, inWidth, padInfo } = geometry
  if (filterHeight * filterWidth === 1) {
    // One tap: multiply before the zeros come in.
    const product = tf.conv2d(dy, tf.transpose(kernel, [0, 1, 3, 2]), 1, 'valid')
    const spread = insertZeros(product, [strideHeight, strideWidth])
    const { top, left } = padInfo
    return padOrCrop(spread, -top, inHeight + top - spread.shape[1], -left, inWidth + left - spread.shape[2])
  }
  const turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D
  const dilations: [number, number] = [geometry.dilationHeight, geometry.dilationWidth]
  return tf.conv2d(spreadOutputGradient(dy, geometry), turned, 1, 'valid', 'NHWC', dilations)
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
