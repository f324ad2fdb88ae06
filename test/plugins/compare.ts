/** Runs the same computation on the cpu engine and on another, and compares every number. */
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { installFillIns } from '../../core/tensor/fill-ins/index.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { mendCpu } from '../../core/tensor/mends/pooling.ts'

let compared = ''

/** Chooses the engine that is compared with cpu. Call in beforeAll. */
export async function compareEngine(name: string): Promise<void> {
  compared = name
  await useEngine(name)
  // What tfjs has wrong on every engine is put right on the reference too.
  mendCpu()
  installFillIns('cpu', [])
}

const results = (backend: string, compute: () => tf.Tensor[]) => {
  tf.setBackend(backend)
  const before = tf.memory().numTensors
  const arrays = tf.tidy(() =>
    compute().map((tensor) => ({ shape: tensor.shape, dtype: tensor.dtype, values: tensor.dataSync() })),
  )
  expect(tf.memory().numTensors).toBe(before)
  return arrays
}

/** Largest difference of two arrays, relative to the largest value of the expected one. */
export function difference(received: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [scale, worst] = [1e-3, 0]
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!) || 0)
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(received[i], expected[i]) || (Number.isNaN(received[i]) && Number.isNaN(expected[i]))) continue
    const gap = Math.abs(received[i]! - expected[i]!) / scale
    worst = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(worst, gap)
  }
  return worst
}

/** `compute` must make its inputs itself, from seeds. */
export function expectSame(compute: () => tf.Tensor[], tolerance = 1e-4): void {
  const expected = results('cpu', compute)
  const received = results(compared, compute)
  expect(received.map(({ shape, dtype }) => [shape, dtype])).toEqual(expected.map(({ shape, dtype }) => [shape, dtype]))
  received.forEach(({ values }, i) => {
    expect(difference(values, expected[i]!.values), `result ${i}`).toBeLessThan(tolerance)
  })
}

export const normal = (shape: readonly number[], seed: number): tf.Tensor =>
  tf.randomNormal([...shape], 0, 1, 'float32', seed)

/** Value and gradients of f, against a random direction so that every output counts differently. */
export function withGradients(f: (...x: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], seed: number): tf.Tensor[] {
  const y = f(...inputs)
  const { grads } = tf.valueAndGrads((...x: tf.Tensor[]) => tf.sum(tf.mul(f(...x), normal(y.shape, seed + 77))))(inputs)
  return [y, ...grads]
}
