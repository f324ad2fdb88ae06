import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-layers' // registers the gradients
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  batchNormInference,
  batchNormTraining,
  innerProduct,
  scaleShift,
  spatialMean,
} from '../../../core/tensor/fused.ts'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

const epsilon = 1e-3
const close = (received: tf.Tensor, expected: tf.Tensor, tolerance = 1e-4) => {
  expect(received.shape).toEqual(expected.shape)
  const [a, b] = [received.dataSync(), expected.dataSync()]
  const size = Math.max(1e-3, ...b.map(Math.abs))
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!) / size).toBeLessThan(tolerance)
}
const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed)

/** Batch normalisation written with operations that all have gradients of their own. */
function plainBatchNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, relu: boolean) {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis)
  const { mean, variance } = tf.moments(x, axes)
  const y = tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon))), gamma), beta)
  return relu ? tf.relu(y) : y
}

describe('batchNormTraining', () => {
  it('equals the differentiated composition, forward and backward, on random shapes', () => {
    const shapes = fc.oneof(
      fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 4 })),
      fc.tuple(fc.constantFrom(1, 2, 3), fc.integer({ min: 2, max: 5 }), fc.constantFrom(1, 4), fc.constantFrom(1, 3)),
    )
    fc.assert(
      fc.property(shapes, fc.boolean(), fc.integer({ min: 1, max: 1e6 }), (shape, relu, seed) => {
        const before = tf.memory().numTensors
        tf.tidy(() => {
          const channels = shape.at(-1)!
          const x = normal(shape, seed)
          const gamma = normal([channels], seed + 1)
          const beta = normal([channels], seed + 2)
          const weight = normal(shape, seed + 3)
          const loss = (y: tf.Tensor) => tf.sum(tf.mul(y, weight)) as tf.Scalar
          const ours = tf.valueAndGrads((x, gamma, beta) => loss(batchNormTraining(x!, gamma, beta, epsilon, relu).y))([
            x,
            gamma,
            beta,
          ])
          const plain = tf.valueAndGrads((x, gamma, beta) => loss(plainBatchNorm(x!, gamma!, beta!, relu)))([
            x,
            gamma,
            beta,
          ])
          close(ours.value, plain.value, 1e-3)
          ours.grads.forEach((gradient, i) => {
            close(gradient, plain.grads[i]!, 2e-3)
          })
        })
        expect(tf.memory().numTensors).toBe(before)
      }),
      { numRuns: 40 },
    )
  })

  it('gives the biased batch statistics, and treats absent gamma and beta as 1 and 0', () => {
    tf.tidy(() => {
      const x = normal([3, 4, 5, 2], 7)
      const { y, mean, variance } = batchNormTraining(x, undefined, undefined, epsilon, false)
      const moments = tf.moments(x, [0, 1, 2])
      close(mean, moments.mean)
      close(variance, moments.variance)
      close(y, plainBatchNorm(x, tf.ones([2]), tf.zeros([2]), false))
    })
  })

  it('refuses parameters of another length: ARCHLOOM_FUSED_SHAPE', () => {
    tf.tidy(() => {
      expect(() => batchNormTraining(tf.zeros([2, 3]), tf.ones([2]), undefined, epsilon, false)).toThrow(
        /ARCHLOOM_FUSED_SHAPE.*gamma of shape \[2\], expected \[3\]/,
      )
      expect(() => batchNormTraining(tf.zeros([3]), undefined, undefined, epsilon, false)).toThrow(
        'ARCHLOOM_FUSED_SHAPE',
      )
      expect(() => spatialMean(tf.zeros([2, 3]))).toThrow('ARCHLOOM_FUSED_SHAPE')
    })
  })
})

describe('batchNormInference', () => {
  it('equals tf.batchNorm and its gradients', () => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const x = normal([2, 3, 3, 4], 1)
      const [mean, gamma, beta] = [2, 3, 4].map((seed) => normal([4], seed)) as [tf.Tensor, tf.Tensor, tf.Tensor]
      const variance = tf.square(normal([4], 5))
      const parameters = [x, mean, variance, gamma, beta]
      const weight = normal([2, 3, 3, 4], 6)
      const ours = tf.valueAndGrads((x, m, v, g, b) =>
        tf.sum(tf.mul(batchNormInference(x!, m!, v!, g, b, epsilon, true), weight)),
      )(parameters)
      const plain = tf.valueAndGrads((x, m, v, g, b) =>
        tf.sum(
          tf.mul(
            tf.relu(
              tf.batchNorm(
                x as tf.Tensor4D,
                m as tf.Tensor1D,
                v as tf.Tensor1D,
                b as tf.Tensor1D,
                g as tf.Tensor1D,
                epsilon,
              ),
            ),
            weight,
          ),
        ),
      )(parameters)
      close(ours.value, plain.value)
      ours.grads.forEach((gradient, i) => {
        close(gradient, plain.grads[i]!)
      })
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  it('scales and shifts per channel', () => {
    tf.tidy(() => {
      const y = scaleShift(tf.tensor2d([[1, 2]]), tf.tensor1d([2, -3]), tf.tensor1d([1, 1]), true)
      expect([...y.dataSync()]).toEqual([3, 0])
    })
  })
})

describe('spatialMean', () => {
  it('equals tf.mean, forward and backward', () => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const x = normal([2, 3, 5, 4], 1)
      const weight = normal([2, 4], 2)
      const ours = tf.valueAndGrad((x) => tf.sum(tf.mul(spatialMean(x), weight)))(x)
      const plain = tf.valueAndGrad((x) => tf.sum(tf.mul(tf.mean(x, [1, 2]), weight)))(x)
      close(ours.value, plain.value)
      close(ours.grad, plain.grad)
    })
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('other numbers than floats', () => {
  it('become floats, gradients included, and leave nothing behind', () => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const x = tf.tensor4d([1, 2, 3, 5], [1, 2, 1, 2], 'int32')
      expect([...spatialMean(x).dataSync()]).toEqual([2, 3.5])
      close(scaleShift(x, tf.ones([2], 'int32'), tf.ones([2]), false), tf.tensor4d([2, 3, 4, 6], [1, 2, 1, 2]))
      const scale = tf.tensor1d([2, 3])
      const [gradient] = tf.grads((s) => tf.sum(scaleShift(x, s!, tf.zeros([2]), false)))([scale])
      expect([...gradient!.dataSync()]).toEqual([4, 7])
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  it('ARCHLOOM_FUSED_DTYPE for a value that is not a number', () => {
    tf.tidy(() => {
      const z = tf.complex(tf.ones([2, 2]), tf.ones([2, 2]))
      expect(() => innerProduct(z, z)).toThrow(/^ARCHLOOM_FUSED_DTYPE: InnerProduct received a of dtype "complex64"/)
    })
  })
})
