import '@tensorflow/tfjs-layers' // registers the gradients
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { batchNormTraining, spatialMean } from '../../../core/tensor/fused.ts'
import { momentum } from '../../../core/tensor/optimizers.ts'
import type { OnnxRuntimeBackend } from '../../../plugins/onnxruntime/backend.ts'
import { start } from '../../../plugins/onnxruntime/start.ts'

const limit = 24
const slow = process.env.ARCHLOOM_SLOW === '1'
const backend = () => tf.backend() as unknown as OnnxRuntimeBackend

beforeAll(async () => {
  tf.enableProdMode()
  start({ threads: 1, sessions: limit })
  await tf.setBackend('onnxruntime')
})

/** One training step of a network whose width is drawn anew. */
function step(width: number, size: number): void {
  const before = tf.memory().numTensors
  const optimizer = momentum({ learningRate: 0.1 })
  const weights = tf.tidy(() =>
    [
      [3, 3, 3, width],
      [3, 3, width, width],
      [1, 1, width, 4],
    ].map((shape) => tf.variable(tf.randomNormal(shape, 0, 0.1, 'float32', 1))),
  )
  tf.tidy(() => {
    const x = tf.randomNormal([16, size, size, 3], 0, 1, 'float32', 2) as tf.Tensor4D
    optimizer.minimize(
      () => {
        const [a, b, c] = weights as unknown as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]
        const y = batchNormTraining(tf.conv2d(x, a, 1, 'same'), undefined, undefined, 1e-5, true).y as tf.Tensor4D
        const z = tf.maxPool(tf.conv2d(y, b, 2, 'same'), 3, 1, 'same')
        return tf.mean(tf.square(spatialMean(tf.conv2d(z, c, 1, 'same'))))
      },
      false,
      weights,
    )
  })
  optimizer.dispose()
  tf.dispose(weights)
  expect(tf.memory().numTensors).toBe(before)
}

describe('memory', () => {
  it(`stays flat over ${slow ? 1000 : 60} steps of architectures drawn anew`, { timeout: 600_000 }, () => {
    const rng = seeded(1)
    const draw = () => step(1 + rng.int(40), 4 + rng.int(9))
    for (let i = 0; i < 20; i++) draw()
    const [used, compiled, resident] = [
      backend().memoryPool.arena.used,
      backend().sessions.compiled,
      process.memoryUsage().rss,
    ]
    for (let i = 0; i < (slow ? 1000 : 60); i++) draw()
    expect(backend().memoryPool.arena.used).toBe(used)
    expect(backend().sessions.compiled).toBeGreaterThan(compiled + limit)
    expect(backend().sessions.size).toBe(limit)
    // Graphs of new shapes come and go; what one leaves behind in the allocator must not add up.
    if (slow) expect(process.memoryUsage().rss - resident).toBeLessThan(64e6)
  })

  it('gives every block back when the tensors are disposed', () => {
    const used = backend().memoryPool.arena.used
    tf.tidy(() => {
      const x = tf.randomNormal([4, 8, 8, 24], 0, 1, 'float32', 1) as tf.Tensor4D
      const y = tf.conv2d(x, tf.ones([3, 3, 24, 8]), 1, 'same')
      // Both layouts of one tensor.
      y.dataSync()
      tf.relu(y)
      expect(backend().memoryPool.arena.used).toBeGreaterThan(used)
    })
    expect(backend().memoryPool.arena.used).toBe(used)
  })

  it('shares nothing with what the caller wrote or read', () => {
    const given = new Float32Array([1, 2, 3])
    const x = tf.tensor1d(given)
    given[0] = 9
    const read = x.dataSync()
    read[1] = 9
    expect([...x.dataSync()]).toEqual([1, 2, 3])
    x.dispose()
    tf.zeros([3]).dispose()
    expect([...read]).toEqual([1, 9, 3])
  })

  it('keeps a clone of a variable as it was when the variable is updated in place', () => {
    const w = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
    const before = tf.clone(w as tf.Tensor)
    const optimizer = momentum({ learningRate: 1, momentum: 0 })
    tf.tidy(() => {
      optimizer.applyGradients({ [w.name]: tf.tensor1d([1, 1]) })
    })
    expect([...before.dataSync()]).toEqual([1, 2])
    expect([...w.dataSync()]).toEqual([0, 1])
    tf.dispose([before, w])
    optimizer.dispose()
  })
})
