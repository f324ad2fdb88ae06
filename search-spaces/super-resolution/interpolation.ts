import * as tf from '@tensorflow/tfjs-core'
import type { Layer } from '../../core/tensor/index.ts'

/** Weight of every input position in every output position, row-major [outputs, inputs]: one axis of a resampling. */
export type AxisWeights = (inputs: number) => { readonly outputs: number; readonly matrix: Float32Array }

/**
 * Any separable linear resampling as a layer: y = Wₕ·x·Wᵥᵀ, two products of matrices, so it has a gradient on every
 * engine. [b, h, w, c] → [b, outputs(h), outputs(w), c].
 */
export const interpolation =
  (weights: AxisWeights): Layer =>
  (x) => {
    const [n, h, w, c] = (x as tf.Tensor4D).shape
    const [vertical, horizontal] = [weights(h), weights(w)]
    const down = tf.tensor2d(vertical.matrix, [vertical.outputs, h])
    const across = tf.tensor2d(horizontal.matrix, [horizontal.outputs, w])
    const rows = tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [h, n * w * c]) as tf.Tensor2D
    const tall = tf.reshape(tf.matMul(down, rows), [vertical.outputs, n, w, c])
    const columns = tf.reshape(tf.transpose(tall, [2, 1, 0, 3]), [w, n * vertical.outputs * c]) as tf.Tensor2D
    const wide = tf.reshape(tf.matMul(across, columns), [horizontal.outputs, n, vertical.outputs, c])
    return tf.transpose(wide, [1, 2, 0, 3])
  }

/** Keys' cubic with free parameter a. */
function cubic(x: number, a: number): number {
  const t = Math.abs(x)
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0
}

/**
 * Bicubic enlargement as PyTorch does it: a = −3/4, half-pixel centres, the edge repeated. Networks have it inside; it
 * is not the bicubic that image data are made with (a = −1/2, antialiased).
 */
export function bicubicUpsampling({ factor }: { readonly factor: number }): Layer {
  return interpolation((inputs) => {
    const outputs = inputs * factor
    const matrix = new Float32Array(outputs * inputs)
    for (let row = 0; row < outputs; row++) {
      const at = (row + 0.5) / factor - 0.5
      const below = Math.floor(at)
      for (let tap = below - 1; tap <= below + 2; tap++) {
        const place = row * inputs + Math.min(inputs - 1, Math.max(0, tap))
        matrix[place] = (matrix[place] as number) + cubic(at - tap, -0.75)
      }
    }
    return { outputs, matrix }
  })
}
