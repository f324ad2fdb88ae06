import type * as tf from '@tensorflow/tfjs-core'
import { depthwiseFilterGradientOf } from './depthwise-filter-gradient.ts'
import { depthwiseInputGradientOf } from './depthwise-input-gradient.ts'
import { isDilated } from './dilated-convolution-gradient.ts'
import type { GradientFillIn } from './fill-in.ts'
import { type ConvolutionAttributes, convolutionInfo } from './sliding-window.ts'

/** tfjs refuses to differentiate a depthwise convolution with dilation > 1. */
export const dilatedDepthwiseGradient: GradientFillIn = {
  kernel: 'DepthwiseConv2dNative',
  gradient: (stock) => (dy, saved, attributes) => {
    const options = attributes as unknown as ConvolutionAttributes
    if (stock && !isDilated(options)) return stock(dy, saved, attributes)
    const [x, kernel] = saved as [tf.Tensor4D, tf.Tensor4D]
    const geometry = convolutionInfo(x.shape, kernel.shape, options, true)
    return {
      x: () => depthwiseInputGradientOf(dy as tf.Tensor4D, kernel, geometry),
      filter: () => depthwiseFilterGradientOf(x, dy as tf.Tensor4D, geometry),
    }
  },
}
