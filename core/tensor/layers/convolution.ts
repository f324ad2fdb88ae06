import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../options/index.ts'
import { heNormal, type Initialiser, zeros } from '../initialisers.ts'
import type { Layer, VariableScope } from '../scope.ts'
import { positiveInteger, type SlidingOptions, slide, slidingOf, takesChannels } from './geometry.ts'

export interface Conv2dOptions extends SlidingOptions {
  readonly inputChannels: number
  /** Output channels. */
  readonly filters: number
  /** Number of channel groups that are convolved separately. Default: 1. */
  readonly groups?: number
  /** Default: false, because a normalisation usually follows. */
  readonly bias?: boolean
  /** Default He normal, fan-in. */
  readonly initialiser?: Initialiser
}

const conv2dNames = optionNames<Conv2dOptions>('conv2d', {
  inputChannels: true,
  filters: true,
  kernel: true,
  stride: true,
  dilation: true,
  padding: true,
  groups: true,
  bias: true,
  initialiser: true,
})

/** Convolution [b, h, w, inputChannels] → [b, h′, w′, filters]; kernel [kh, kw, inputChannels / groups, filters]. */
export function conv2d(scope: VariableScope, options: Conv2dOptions): Layer {
  conv2dNames(options)
  const { groups = 1, initialiser = heNormal() } = options
  const inputChannels = positiveInteger('conv2d', 'inputChannels', options.inputChannels)
  const filters = positiveInteger('conv2d', 'filters', options.filters)
  if (positiveInteger('conv2d', 'groups', groups) > 1 && (inputChannels % groups !== 0 || filters % groups !== 0))
    throw optionError(
      'conv2d',
      'groups',
      groups,
      `a divisor of both ${inputChannels} input channels and ${filters} filters`,
    )
  const sliding = slidingOf('conv2d', options)
  const kernel = scope.weight('kernel', [...sliding.kernel, inputChannels / groups, filters], initialiser)
  const bias = options.bias ? scope.weight('bias', [filters], zeros) : undefined
  const name = scope.pathOf('kernel')

  const convolve = (x: tf.Tensor4D, w: tf.Tensor4D): tf.Tensor4D =>
    slide((input, stride, padding, dilation) => tf.conv2d(input, w, stride, padding, 'NHWC', dilation), x, sliding)
  const grouped = (x: tf.Tensor4D) => {
    const kernels = tf.split<tf.Tensor4D>(kernel as unknown as tf.Tensor4D, groups, 3)
    return tf.concat(
      tf.split<tf.Tensor4D>(x, groups, 3).map((part, i) => convolve(part, kernels[i] as tf.Tensor4D)),
      3,
    )
  }

  return takesChannels('conv2d', inputChannels, (x, mode) => {
    if (mode.training && mode.tap)
      mode.tap({ name, kernel, ...(bias && { bias }), input: x, geometry: { kind: 'convolution', ...sliding, groups } })
    const y = groups === 1 ? convolve(x as tf.Tensor4D, kernel as unknown as tf.Tensor4D) : grouped(x as tf.Tensor4D)
    return bias ? tf.add(y, bias) : y
  })
}
