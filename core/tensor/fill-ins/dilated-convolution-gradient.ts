import type * as tf from '@tensorflow/tfjs-core'
import { convolutionFilterGradientOf } from './convolution-filter-gradient.ts'
import { convolutionInputGradientOf } from './convolution-input-gradient.ts'
import type { GradientFillIn } from './fill-in.ts'
import { type ConvolutionAttributes, convolutionInfo } from './sliding-window.ts'

export const isDilated = ({ dilations }: ConvolutionAttributes): boolean =>
  [dilations ?? 1].flat().some((rate) => rate > 1)

/** tfjs refuses to differentiate a convolution with dilation > 1; the general formulas hold for it as they stand. */
export const dilatedConvolutionGradient: GradientFillIn = {
  kernel: 'Conv2D',
  gradient: (stock) => (dy, saved, attributes) => {
    const options = attributes as unknown as ConvolutionAttributes
    if (stock && (!isDilated(options) || options.dataFormat === 'NCHW')) return stock(dy, saved, attributes)
    const [x, kernel] = saved as [tf.Tensor4D, tf.Tensor4D]
    const geometry = convolutionInfo(x.shape, kernel.shape, options)
    return {
      x: () => convolutionInputGradientOf(dy as tf.Tensor4D, kernel, geometry),
      filter: () => convolutionFilterGradientOf(x, dy as tf.Tensor4D, geometry),
    }
  },
}
