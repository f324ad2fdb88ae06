import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, it } from 'vitest'
import { useEngine } from '../../../core/tensor/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

it('refuses a tensor for which the memory of the WebAssembly engine has no room, and goes on', () => {
  const small = tf.tensor1d([1, 2, 3])
  // 4 GiB: nothing is allocated.
  expect(() => tf.tidy(() => tf.tile(small, [(2 ** 30 - 1) / 3]))).toThrow(/ARCHLOOM_ENGINE_MEMORY.*4294967292 bytes/s)
  expect(tf.memory().numTensors).toBe(1)
  expect([...tf.square(small).dataSync()]).toEqual([1, 4, 9])
  expect([...small.dataSync()]).toEqual([1, 2, 3])
})

it('refuses a tensor that cannot exist before the kernel runs, and goes on', () => {
  const image = tf.ones([1, 4, 4, 2]) as tf.Tensor4D
  expect(() => tf.maxPool(image, 9, 2, 'valid')).toThrow('ARCHLOOM_TENSOR_SHAPE')
  expect(() => tf.maxPool(image, 9, 2, 'valid')).toThrow('shape [1, -2, -2, 2]')
  expect(tf.maxPool(image, 2, 2, 'valid').shape).toEqual([1, 2, 2, 2])
})
