import * as tf from '@tensorflow/tfjs-core'
import { identity, type Layer, pixelShuffle } from '../../core/tensor/index.ts'

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

/** Input positions on each side of a position that its enlargements read. */
const TAPS = 2

/** The weights of the five nearest input positions in each of the `factor` output positions of one, [factor][5]. */
function phasesOf(factor: number): readonly (readonly number[])[] {
  return Array.from({ length: factor }, (_, phase) => {
    const at = (phase + 0.5) / factor - 0.5
    return Array.from({ length: 2 * TAPS + 1 }, (_, tap) => cubic(at - (tap - TAPS), -0.75))
  })
}

/** The outermost rows or columns of [b, h, w, c] twice more on each side. */
function repeatEdges(x: tf.Tensor4D, axis: 1 | 2): tf.Tensor4D {
  const edge = (at: number) => {
    const [begin, size] = [[0, 0, 0, 0] as [number, number, number, number], [...x.shape] as typeof x.shape]
    begin[axis] = at
    size[axis] = 1
    return tf.slice(x, begin, size)
  }
  const [first, last] = [edge(0), edge(x.shape[axis]! - 1)]
  return tf.concat([first, first, x, last, last], axis)
}

/**
 * Bicubic enlargement as in PyTorch: a = −3/4, half-pixel centres, the edge repeated. It is used inside networks and
 * differs from the bicubic resizing of image data (a = −1/2, antialiased). One convolution of 5×5 positions computes
 * all factor² results of a position, so the same operations serve images of any size: [b, h, w, c] →
 * [b, h·factor, w·factor, c].
 */
export function bicubicUpsampling({ factor }: { readonly factor: number }): Layer {
  const enlarge = bicubicPhases({ factor })
  const shuffle = pixelShuffle({ factor })
  return (x, mode) => shuffle(enlarge(x, mode), mode)
}

/**
 * Bicubic enlargement before its results are put in their places: [b, h, w, c] → [b, h, w, c·factor²], for sums with
 * features that are shuffled too.
 */
export function bicubicPhases({ factor }: { readonly factor: number }): Layer {
  if (factor === 1) return identity()
  const phases = phasesOf(factor)
  const kernels = new Map<number, Float32Array>()
  const kernelOf = (channels: number) => {
    const known = kernels.get(channels)
    if (known) return known
    const made = new Float32Array((2 * TAPS + 1) ** 2 * channels * channels * factor * factor)
    let at = 0
    for (let y = 0; y <= 2 * TAPS; y++)
      for (let x = 0; x <= 2 * TAPS; x++)
        for (let from = 0; from < channels; from++)
          for (const down of phases)
            for (const across of phases)
              for (let to = 0; to < channels; to++) made[at++] = from === to ? down[y]! * across[x]! : 0
    kernels.set(channels, made)
    return made
  }
  return (x) => {
    const channels = x.shape[3] as number
    const side = 2 * TAPS + 1
    const kernel = tf.tensor4d(kernelOf(channels), [side, side, channels, channels * factor * factor])
    const padded = repeatEdges(repeatEdges(x as tf.Tensor4D, 1), 2)
    return tf.conv2d(padded, kernel, 1, 'valid')
  }
}
