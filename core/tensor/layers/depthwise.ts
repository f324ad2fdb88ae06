import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../options/index.ts'
import { heNormal, type Initialiser, zeros } from '../initialisers.ts'
import type { Layer, VariableScope } from '../scope.ts'
import { positiveInteger, type SlidingOptions, slide, slidingOf, takesChannels } from './geometry.ts'

export interface DepthwiseOptions extends SlidingOptions {
  readonly channels: number
  /** Output channels of each input channel. Default 1. */
  readonly multiplier?: number
  /** Default false. */
  readonly bias?: boolean
  /** Default He normal; the fan is the kernel's area. */
  readonly initialiser?: Initialiser
}

const depthwiseConv2dNames = optionNames<DepthwiseOptions>('depthwiseConv2d', {
  channels: true,
  multiplier: true,
  kernel: true,
  stride: true,
  dilation: true,
  padding: true,
  bias: true,
  initialiser: true,
})

/** Convolution of every channel by itself: [b, h, w, c] → [b, h′, w′, c·multiplier]; kernel [kh, kw, c, multiplier]. */
export function depthwiseConv2d(scope: VariableScope, options: DepthwiseOptions): Layer {
  depthwiseConv2dNames(options)
  const channels = positiveInteger('depthwiseConv2d', 'channels', options.channels)
  const multiplier = positiveInteger('depthwiseConv2d', 'multiplier', options.multiplier ?? 1)
  const sliding = slidingOf('depthwiseConv2d', options)
  const area = sliding.kernel[0] * sliding.kernel[1]
  const kernel = scope.weight('kernel', [...sliding.kernel, channels, multiplier], options.initialiser ?? heNormal(), {
    in: area,
    out: area * multiplier,
  })
  const bias = options.bias ? scope.weight('bias', [channels * multiplier], zeros) : undefined
  const name = scope.pathOf('kernel')

  return takesChannels('depthwiseConv2d', channels, (x, mode) => {
    if (mode.training && mode.tap)
      mode.tap({
        name,
        kernel,
        ...(bias && { bias }),
        input: x,
        geometry: { kind: 'depthwise-convolution', ...sliding, groups: channels },
      })
    const y = slide(
      (input, stride, padding, dilation) =>
        tf.depthwiseConv2d(input, kernel as unknown as tf.Tensor4D, stride, padding, 'NHWC', dilation),
      x as tf.Tensor4D,
      sliding,
    )
    return bias ? tf.add(y, bias) : y
  })
}
