import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../options/index.ts'
import type { Random } from '../../random.ts'
import type { ApplyMode } from '../../trainer.ts'
import { error } from '../errors.ts'
import type { Layer } from '../scope.ts'

const randomOf = (layer: string, mode: ApplyMode): Random => {
  if (!mode.rng) throw error('ARCHLOOM_LAYER_NEEDS_RANDOMNESS', { layer })
  return mode.rng
}

const probability = (layer: string, option: string, value: number): number => {
  if (!(value >= 0 && value < 1)) throw optionError(layer, option, value, 'a probability in [0, 1)')
  return value
}

/** A mask of 1/keep with probability keep, else 0. Multiplying by it leaves the expectation unchanged. */
function mask(shape: number[], rate: number, rng: Random): tf.Tensor {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  for (let i = 0; i < values.length; i++) values[i] = rng.float() < rate ? 0 : 1 / (1 - rate)
  return tf.tensor(values, shape)
}

const dropoutNames = optionNames<{ rate: number }>('dropout', { rate: true })

/** Drops single values with probability `rate` while training (Srivastava et al., 2014), and scales up the others. */
export function dropout(options: { rate: number }): Layer {
  dropoutNames(options)
  const rate = probability('dropout', 'rate', options.rate)
  return (x, mode) => (mode.training && rate > 0 ? tf.mul(x, mask(x.shape, rate, randomOf('dropout', mode))) : x)
}

/** Drops the whole path of an example with probability `mode.dropPath` while training (Larsson et al., 2017). */
export const dropPath = (): Layer => (x, mode) => {
  const rate = mode.training ? probability('dropPath', 'mode.dropPath', mode.dropPath ?? 0) : 0
  if (rate === 0) return x
  const shape = [x.shape[0] ?? 1, ...x.shape.slice(1).fill(1)]
  return tf.mul(x, mask(shape, rate, randomOf('dropPath', mode)))
}
