import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { seeded } from '../../../core/random.ts'

/** Evenly spaced values in [min, max), shuffled: no ties, and none at a kink in the middle. The same on every engine. */
export function sample(shape: number[], label: string, min = -1, max = 1): tf.Tensor {
  const rng = seeded(label)
  const size = shape.reduce((product, each) => product * each, 1)
  return tf.tensor(
    Float32Array.from(rng.shuffle([...Array(size).keys()]), (i) => min + ((max - min) * (i + 0.5)) / size),
    shape,
  )
}

const dot = (y: tf.Tensor, weights: Float32Array) => {
  const values = y.dataSync()
  let sum = 0
  for (let i = 0; i < weights.length; i++) sum += values[i]! * weights[i]!
  return sum
}

/**
 * Gradients of Σ wᵢ·f(inputs)ᵢ for random w, against central differences in each of at most `probes` coordinates an
 * input. Returns the analytic gradients.
 */
export function expectGradients(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly tf.Tensor[],
  { step = 1e-2, tolerance = 5e-3, probes = 12 } = {},
): Float32Array[] {
  return tf.tidy(() => {
    const rng = seeded('probe')
    const y = f(...inputs)
    const weights = Float32Array.from({ length: y.size }, () => rng.float() * 2 - 1)
    const w = tf.tensor(weights, y.shape)
    const gradients = tf.grads((...xs: tf.Tensor[]) => tf.sum(tf.mul(f(...xs), w)))([...inputs])
    return gradients.map((gradient, k) => {
      const input = inputs[k] as tf.Tensor
      expect(gradient.shape).toEqual(input.shape)
      const analytic = gradient.dataSync() as Float32Array
      const values = input.dataSync().slice() as Float32Array
      const scale = Math.max(1, ...analytic.map(Math.abs))
      const moved = (at: number, by: number) =>
        tf.tidy(() => {
          const shifted = values.slice()
          shifted[at] = shifted[at]! + by
          return dot(f(...inputs.map((each, i) => (i === k ? tf.tensor(shifted, input.shape) : each))), weights)
        })
      const indices = rng.shuffle([...values.keys()]).slice(0, probes)
      for (const at of indices) {
        const numeric = (moved(at, step) - moved(at, -step)) / (2 * step)
        const error = Math.abs(numeric - analytic[at]!) / scale
        if (!(error < tolerance))
          expect.fail(`input ${k} at ${at}: gradient ${analytic[at]}, by differences ${numeric} (scale ${scale})`)
      }
      return analytic
    })
  })
}

/** Same values within a relative tolerance of the greatest. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4): void {
  expect(actual.length).toBe(expected.length)
  const scale = Math.max(1e-6, ...Array.from(expected, Math.abs))
  for (let i = 0; i < expected.length; i++)
    if (!(Math.abs(actual[i]! - expected[i]!) <= tolerance * scale))
      expect.fail(`at ${i}: ${actual[i]}, expected ${expected[i]} (scale ${scale})`)
}
