/** Kernel ridge regression with Gaussian kernels: the baseline for few rows. */
import * as tf from '@tensorflow/tfjs-core'
import type { Network } from '../../core/trainer.ts'

export interface KernelOptions {
  /** γ of exp(−γ·‖a − b‖² / features). */
  readonly gamma: number
  /** λ of (K + λI)·α = Y. */
  readonly penalty: number
}

/**
 * Solves (K + λI)·α = Y by a Cholesky decomposition in doubles.
 * @param x [rows, features]; @param y [rows, outputs], centred by the caller.
 * @returns α, [rows, outputs].
 */
export function solveKernel(
  x: Float32Array,
  y: Float64Array,
  rows: number,
  features: number,
  outputs: number,
  { gamma, penalty }: KernelOptions,
): Float32Array {
  const k = gaussianKernel(x, rows, features, gamma / features)
  for (let i = 0; i < rows; i++) k[i * rows + i]! += penalty
  // Replaces K, row by row, by its lower factor: L·Lᵀ = K + λI.
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = k[i * rows + j]!
      for (let p = 0, a = i * rows, b = j * rows; p < j; p++) sum -= k[a + p]! * k[b + p]!
      k[i * rows + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / k[j * rows + j]!
    }
  }
  const solution = y.slice()
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < rows; i++) {
      let sum = solution[i * outputs + o]!
      for (let p = 0; p < i; p++) sum -= k[i * rows + p]! * solution[p * outputs + o]!
      solution[i * outputs + o] = sum / k[i * rows + i]!
    }
    for (let i = rows - 1; i >= 0; i--) {
      let sum = solution[i * outputs + o]!
      for (let p = i + 1; p < rows; p++) sum -= k[p * rows + i]! * solution[p * outputs + o]!
      solution[i * outputs + o] = sum / k[i * rows + i]!
    }
  }
  return Float32Array.from(solution)
}

/** The lower half of exp(−γ·‖a − b‖²), the diagonal included; the upper half is 0. */
function gaussianKernel(x: Float32Array, rows: number, features: number, gamma: number): Float64Array {
  const k = new Float64Array(rows * rows)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j <= i; j++) {
      let distance = 0
      for (let f = 0, a = i * features, b = j * features; f < features; f++) {
        const difference = x[a + f]! - x[b + f]!
        distance += difference * difference
      }
      k[i * rows + j] = Math.exp(-gamma * distance)
    }
  return k
}

export interface KernelNetworkOptions extends Pick<KernelOptions, 'gamma'> {
  /** [rows, features] */
  readonly centres: Float32Array
  /** [rows, outputs] */
  readonly weights: Float32Array
  readonly rows: number
  readonly features: number
  readonly outputs: number
  /** Added to each output. */
  readonly offset: readonly number[]
  /** Multiplies the sum over centres and the offset. */
  readonly factor: number
}

/**
 * Makes a network of the function that a kernel regression found. It can be measured and exported like any other
 * network.
 */
export function kernelNetwork(parts: KernelNetworkOptions): Network {
  const { centres, weights, rows, features, outputs, gamma, offset, factor } = parts
  const squares = new Float32Array(rows)
  for (let i = 0; i < rows; i++) for (let f = 0; f < features; f++) squares[i]! += centres[i * features + f]! ** 2
  const variable = (values: Float32Array, shape: number[]) => tf.variable(tf.tensor(values, shape), false)
  const [c, s, w, o] = tf.tidy(() => [
    variable(centres, [rows, features]),
    variable(squares, [1, rows]),
    variable(
      weights.map((value) => value * factor),
      [rows, outputs],
    ),
    variable(
      Float32Array.from(offset, (value) => value * factor),
      [1, outputs],
    ),
  ]) as [tf.Variable, tf.Variable, tf.Variable, tf.Variable]
  const state = [c, s, w, o]
  return {
    inputShape: [features],
    outputShape: [outputs],
    trainable: [],
    state,
    apply: (x) => {
      const own = tf.sum(tf.square(x), 1, true)
      const products = tf.matMul(x as tf.Tensor2D, c as unknown as tf.Tensor2D, false, true)
      const distance = tf.maximum(tf.add(tf.sub(own, tf.mul(products, 2)), s as tf.Tensor), 0)
      const kernel = tf.exp(tf.mul(distance, -gamma / features)) as tf.Tensor2D
      return tf.add(tf.matMul(kernel, w as unknown as tf.Tensor2D), o as tf.Tensor)
    },
    [Symbol.dispose]: () => tf.dispose(state),
  }
}
