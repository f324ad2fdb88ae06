import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, it } from 'vitest'
import { fallBackToCpu } from '../../../core/tensor/cpu-fallback.ts'
import { useEngine } from '../../../core/tensor/index.ts'

const kernels = ['Unique', 'RaggedGather', 'StringSplit', 'Cumsum']

beforeAll(async () => {
  await useEngine('wasm')
  await import('@tensorflow/tfjs-backend-cpu')
  fallBackToCpu('wasm', [...kernels, 'NoSuchKernel'])
})

it('serves kernels that an engine lacks, or replaces its own', () => {
  expect(kernels.filter((name) => !tf.getKernel(name, 'wasm'))).toEqual([])
  expect(tf.getKernel('NoSuchKernel', 'wasm')).toBeUndefined()
  expect(tf.getBackend()).toBe('wasm')
})

it('takes one tensor, several, lists and texts, gives one or several, and keeps none', () => {
  const before = tf.memory()
  tf.tidy(() => {
    expect([...tf.cumsum(tf.add(tf.range(0, 4), 1)).dataSync()]).toEqual([1, 3, 6, 10])
    const { values, indices } = tf.unique(tf.tensor1d([7, 7, 9]))
    // Results live on the engine and go on there.
    expect([...tf.mul(values, 2).dataSync(), ...indices.dataSync()]).toEqual([14, 18, 0, 0, 1])
    const words = tf.string.stringSplit(tf.tensor1d(['a b', 'c']), tf.scalar(' '))
    expect([...(words.values?.dataSync() ?? [])]).toEqual(['a', 'b', 'c'])
    const gathered = tf.raggedGather(
      [tf.tensor1d([0, 2, 3], 'int32')],
      tf.tensor1d([1, 2, 3]),
      tf.tensor1d([1, 0], 'int32'),
      1,
    )
    expect([...gathered.outputDenseValues.dataSync()]).toEqual([3, 1, 2])
  })
  const after = tf.memory()
  expect([after.numTensors, after.numDataBuffers]).toEqual([before.numTensors, before.numDataBuffers])
  expect(tf.findBackend('cpu').numDataIds()).toBe(0)
})
