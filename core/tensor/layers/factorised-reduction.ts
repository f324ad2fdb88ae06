import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../options/index.ts'
import type { Layer, NormalisationOptions, VariableScope } from '../scope.ts'
import { conv2d } from './convolution.ts'
import { positiveInteger } from './geometry.ts'

export interface FactorisedReductionOptions extends Pick<NormalisationOptions, 'affine'> {
  readonly inputChannels: number
  /** Output channels; an even number, because each half comes from one 1×1 convolution. */
  readonly filters: number
}

const factorisedReductionNames = optionNames<FactorisedReductionOptions>('factorisedReduction', {
  inputChannels: true,
  filters: true,
  affine: true,
})

/**
 * Halves height and width (rounded up) without losing every second pixel, as in DARTS: ReLU, then two 1×1 convolutions
 * of stride 2, the second of them shifted by one pixel down and to the right. Their outputs are concatenated and
 * normalised.
 */
export function factorisedReduction(scope: VariableScope, options: FactorisedReductionOptions): Layer {
  factorisedReductionNames(options)
  const { inputChannels, affine = true } = options
  const filters = positiveInteger('factorisedReduction', 'filters', options.filters)
  if (filters % 2 !== 0) throw optionError('factorisedReduction', 'filters', filters, 'an even number')
  const half = { inputChannels, filters: filters / 2, kernel: 1, stride: 2, padding: 'valid' } as const
  const even = conv2d(scope.child('even'), half)
  const odd = conv2d(scope.child('odd'), half)
  const normalise = scope.child('norm').normalise(filters, { affine })

  return (x, mode) => {
    const active = tf.relu(x) as tf.Tensor4D
    const [batch, height, width, channels] = active.shape
    // A last row and column of zeros gives both halves the same shape for odd sizes.
    const shifted = tf.slice(
      tf.pad(active, [
        [0, 0],
        [0, 1],
        [0, 1],
        [0, 0],
      ]),
      [0, 1, 1, 0],
      [batch, height, width, channels],
    )
    return normalise(tf.concat([even(active, mode), odd(shifted, mode)], 3), mode)
  }
}
