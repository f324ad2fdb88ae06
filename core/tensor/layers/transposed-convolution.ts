import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../options/index.ts'
import { type Initialiser, varianceScaling, zeros } from '../initialisers.ts'
import type { Layer, VariableScope } from '../scope.ts'
import { type KernelSize, type Padding, positiveInteger, slidingOf, takesChannels } from './geometry.ts'

export interface TransposedConv2dOptions {
  readonly inputChannels: number
  readonly filters: number
  readonly kernel: KernelSize
  /** Upsampling factor. Default 1. */
  readonly stride?: number
  /**
   * Padding of the convolution whose adjoint this is. A number is as in PyTorch, with the `output_padding` that gives
   * h·stride rows. Default: 'same'.
   */
  readonly padding?: Exclude<Padding, 'valid'>
  /** Default false. */
  readonly bias?: boolean
  /** Default: normal with variance 2 / fan-in, where fan-in is defined as below. */
  readonly initialiser?: Initialiser
}

const transposedConv2dNames = optionNames<TransposedConv2dOptions>('transposedConv2d', {
  inputChannels: true,
  filters: true,
  kernel: true,
  stride: true,
  padding: true,
  bias: true,
  initialiser: true,
})

/**
 * Adjoint of a convolution: [b, h, w, inputChannels] → [b, h·stride, w·stride, filters]; kernel [kh, kw, filters,
 * inputChannels]. Initialisers that scale by fan-in divide by inputChannels·kh·kw / stride², the number of products
 * that are summed in one output, so the variance is kept at every stride. PyTorch divides by filters·kh·kw: with
 * `fanInUniform()` and as many filters as input channels its bound is smaller by the factor `stride`.
 */
export function transposedConv2d(scope: VariableScope, options: TransposedConv2dOptions): Layer {
  transposedConv2dNames(options)
  const inputChannels = positiveInteger('transposedConv2d', 'inputChannels', options.inputChannels)
  const filters = positiveInteger('transposedConv2d', 'filters', options.filters)
  const sliding = slidingOf('transposedConv2d', options)
  const area = sliding.kernel[0] * sliding.kernel[1]
  const initialiser = options.initialiser ?? varianceScaling({ scale: 2, mode: 'in', distribution: 'normal' })
  // About area / stride² taps of every input channel contribute to an output.
  const kernel = scope.weight('kernel', [...sliding.kernel, filters, inputChannels], initialiser, {
    in: (inputChannels * area) / sliding.stride ** 2,
    out: filters * area,
  })
  const bias = options.bias ? scope.weight('bias', [filters], zeros) : undefined
  const name = scope.pathOf('kernel')

  return takesChannels('transposedConv2d', inputChannels, (x, mode) => {
    if (mode.training && mode.tap)
      mode.tap({
        name,
        kernel,
        ...(bias && { bias }),
        input: x,
        geometry: { kind: 'transposed-convolution', ...sliding, groups: 1 },
      })
    const [batch, height, width] = (x as tf.Tensor4D).shape
    const y = tf.conv2dTranspose(
      x as tf.Tensor4D,
      kernel as unknown as tf.Tensor4D,
      [batch, height * sliding.stride, width * sliding.stride, filters],
      sliding.stride,
      sliding.padding,
    )
    return bias ? tf.add(y, bias) : y
  })
}
