import * as tf from '@tensorflow/tfjs-core'
import { expect, it } from 'vitest'
import { useEngine } from '../../../core/tensor/index.ts'

await useEngine('cpu')

const size = 1000
const bytes = size * 4

/** The identity; its gradient notes how many bytes are in memory. */
const noting = (seen: number[]) =>
  tf.customGrad((x) => ({
    value: tf.clone(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => {
      seen.push(tf.memory().numBytes)
      return tf.mul(dy, 1)
    },
  }))

it('a backward pass needs no more memory than the forward pass left', () => {
  const seen: number[] = []
  const layers = 20
  const note = noting(seen)
  const deep = (x: tf.Tensor) => {
    let y = x
    for (let i = 0; i < layers; i++) y = note(tf.add(tf.sin(y), tf.sin(y)))
    return tf.sum(y)
  }
  const before = tf.memory()
  const x = tf.fill([size], 0.1)
  tf.dispose(tf.grad(deep)(x))
  x.dispose()
  expect(tf.memory().numTensors).toBe(before.numTensors)
  expect(seen).toHaveLength(layers)
  // The first figure is that at the end of the forward pass; the last one finds all but one layer gone.
  expect(Math.max(...seen)).toBeLessThan(seen[0]! + 4 * bytes)
  expect(seen.at(-1)! - before.numBytes).toBeLessThan(10 * bytes)
  expect(seen[0]! - before.numBytes).toBeGreaterThan(layers * bytes)
})

it('keeps what the caller gave or asked for', () => {
  const [x, dy] = [tf.tensor1d([0.5, 2]), tf.tensor1d([1, 3])]
  const inner = tf.square(x)
  // The gradient of an intermediate result, too, where the caller asks for it.
  const [gradient] = tf.grads((a: tf.Tensor) => tf.mul(a, a))([inner], dy)
  expect([...gradient!.dataSync()]).toEqual([0.5, 24])
  expect([...dy.dataSync()]).toEqual([1, 3])
  expect([...x.dataSync()]).toEqual([0.5, 2])
  tf.dispose([x, dy, inner, gradient!])
})

it('keeps a gradient that an operation hands on, or returns for two inputs, until all have read it', () => {
  const constant = tf.tensor1d([7, 7])
  const handing = tf.customGrad((a, b) => ({
    value: tf.add(a as tf.Tensor, b as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => [dy, dy],
  }))
  const foreign = tf.customGrad((a) => ({ value: tf.clone(a as tf.Tensor), gradFunc: () => constant }))
  const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])]
  const f = (p: tf.Tensor, q: tf.Tensor) => {
    const sum = handing(tf.mul(p, 2), tf.mul(q, 3))
    return tf.sum(tf.add(foreign(handing(sum, sum)), foreign(sum)))
  }
  for (let round = 0; round < 2; round++) {
    const [dp, dq] = tf.grads(f)([a, b])
    // 7 through each foreign gradient; `sum` is used three times.
    expect([...dp!.dataSync()]).toEqual([42, 42])
    expect([...dq!.dataSync()]).toEqual([63, 63])
    tf.dispose([dp!, dq!])
  }
  expect([...constant.dataSync()]).toEqual([7, 7])
  tf.dispose([a, b, constant])
})

it('leaves gradients of gradients exact', () => {
  const x = tf.tensor1d([0.3, -0.7])
  const f = (a: tf.Tensor) => tf.sum(tf.mul(tf.sin(a), tf.exp(a)))
  const second = tf.grad((a) => tf.sum(tf.square(tf.grad(f)(a))))(x)
  const expected = [0.3, -0.7].map((a) => {
    const first = Math.exp(a) * (Math.sin(a) + Math.cos(a))
    return 2 * first * 2 * Math.exp(a) * Math.cos(a)
  })
  second.dataSync().forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 4)
  })
  tf.dispose([x, second])
})
