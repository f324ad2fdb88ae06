import * as tf from '@tensorflow/tfjs-core'
import { seeded } from '../../../core/random.ts'

export function normal(shape: readonly number[], seed: number | string): tf.Tensor {
  const rng = seeded(seed)
  const size = shape.reduce((product, n) => product * n, 1)
  return tf.tensor(
    Float32Array.from({ length: size }, () => rng.normal()),
    [...shape],
  )
}
