import * as tf from '@tensorflow/tfjs-core'
import { subsample } from '../resample.ts'
import type { KernelFillIn } from './fill-in.ts'
import { type Conv2DInfo, type ConvolutionAttributes, convolutionInfo, padOrCrop } from './sliding-window.ts'

/**
 * ∂L/∂W[k, l, c, m] = Σ over n, i, j of x̂[n, i·s + k·d, j·s + l·d, c] · dy[n, i, j, c·m̂ + m], tap by tap: a window
 * of the padded input times dy, averaged over positions by pooling (the only sum that engines compute fast with
 * channels last).
 */
export function depthwiseFilterGradientOf(x: tf.Tensor4D, dy: tf.Tensor4D, geometry: Conv2DInfo): tf.Tensor4D {
  const { batchSize, filterHeight, filterWidth, inHeight, inWidth, inChannels, outHeight, outWidth } = geometry
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo, outChannels } = geometry
  const multiplier = outChannels / inChannels
  const [reachHeight, reachWidth] = [(outHeight - 1) * strideHeight + 1, (outWidth - 1) * strideWidth + 1]
  const used = padOrCrop(
    x,
    padInfo.top,
    reachHeight + (filterHeight - 1) * dilationHeight - inHeight - padInfo.top,
    padInfo.left,
    reachWidth + (filterWidth - 1) * dilationWidth - inWidth - padInfo.left,
  )
  const positions = batchSize * outHeight * outWidth
  const gradient = tf.reshape(dy, [positions, inChannels, multiplier])
  const taps: tf.Tensor[] = []
  for (let k = 0; k < filterHeight; k++)
    for (let l = 0; l < filterWidth; l++) {
      const window = tf.slice(
        used,
        [0, k * dilationHeight, l * dilationWidth, 0],
        [batchSize, reachHeight, reachWidth, inChannels],
      )
      const read = tf.reshape(subsample(window, [strideHeight, strideWidth]), [positions, inChannels, 1])
      const products = tf.reshape(tf.mul(read, gradient), [batchSize, outHeight, outWidth, outChannels])
      taps.push(tf.avgPool(products as tf.Tensor4D, [outHeight, outWidth], 1, 'valid'))
    }
  const sums = tf.mul(tf.sum(tf.concat(taps, 1), 0), outHeight * outWidth)
  return tf.reshape(sums, [filterHeight, filterWidth, inChannels, multiplier])
}

export const depthwiseFilterGradient: KernelFillIn = {
  kernel: 'DepthwiseConv2dNativeBackpropFilter',
  compute: (inputs, attributes) => {
    const options = attributes as unknown as ConvolutionAttributes & { filterShape: number[] }
    const x = inputs.x as tf.Tensor4D
    return depthwiseFilterGradientOf(
      x,
      inputs.dy as tf.Tensor4D,
      convolutionInfo(x.shape, options.filterShape, options, true),
    )
  },
}
