import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import {
  correctCount,
  countTensors,
  l1Loss,
  l2Loss,
  softmaxCrossEntropy,
  useEngine,
} from '../../../core/tensor/index.ts'
import { expectClose, expectGradients, sample } from './finite-differences.ts'

await useEngine('wasm')

const logits = sample([5, 4], 'logits', -2, 2)
const labels = tf.tensor1d([0, 3, 1, 1, 2], 'int32')

/** −Σ target · log softmax, in plain arithmetic. */
function reference(smoothing: number): number {
  const rows = logits.arraySync() as number[][]
  const classes = labels.dataSync()
  const each = rows.map((row, i) => {
    const total = row.reduce((sum, value) => sum + Math.exp(value), 0)
    return row.reduce((sum, value, k) => {
      const target = (k === classes[i] ? 1 - smoothing : 0) + smoothing / row.length
      return sum - target * (value - Math.log(total))
    }, 0)
  })
  return each.reduce((sum, value) => sum + value, 0) / rows.length
}

describe('softmaxCrossEntropy', () => {
  it.each([0, 0.1])('with label smoothing %d: value by hand, gradient by differences', (labelSmoothing) => {
    const value = tf.tidy(() => softmaxCrossEntropy(logits, labels, { labelSmoothing }).dataSync()[0])
    expect(value).toBeCloseTo(reference(labelSmoothing), 5)
    const [gradient] = expectGradients((x) => softmaxCrossEntropy(x, labels, { labelSmoothing }), [logits])
    // Each row of softmax − target sums to 0.
    expectClose(tf.tidy(() => tf.add(tf.sum(tf.tensor2d(gradient as Float32Array, [5, 4]), 1), 1).dataSync()), [1, 1, 1, 1, 1]) // biome-ignore format: one line
  })

  it('takes probabilities as targets, and is finite at extreme logits', () => {
    tf.tidy(() => {
      const probabilities = tf.cast(tf.oneHot(labels, 4), 'float32')
      const soft = softmaxCrossEntropy(logits, probabilities).dataSync()
      expectClose(soft, softmaxCrossEntropy(logits, labels).dataSync())
      const extreme = softmaxCrossEntropy(tf.tensor2d([[1000, -1000]]), tf.tensor1d([1], 'int32'))
      expect(extreme.dataSync()[0]).toBeCloseTo(2000)
    })
  })

  it('ARCHLOOM_LABELS_SHAPE', () => {
    expect(() => softmaxCrossEntropy(logits, tf.tensor1d([0, 1], 'int32'))).toThrow('ARCHLOOM_LABELS_SHAPE')
  })
})

it('l1 and l2 are means over all values, with gradients', () => {
  const targets = sample([5, 4], 'targets', -2, 2.3)
  tf.tidy(() => {
    expectClose(l1Loss(logits, targets).dataSync(), tf.mean(tf.abs(tf.sub(logits, targets))).dataSync())
    expectClose(l2Loss(logits, targets).dataSync(), tf.mean(tf.squaredDifference(logits, targets)).dataSync())
  })
  expectGradients((x) => l1Loss(x, targets), [logits], { step: 2e-3 })
  expectGradients((x) => l2Loss(x, targets), [logits])
})

it('counts the rows whose greatest logit is at the label', () => {
  const scores = tf.tensor2d([[1, 2], [5, 3], [0, 1]]) // biome-ignore format: one line
  expect(tf.tidy(() => correctCount(scores, tf.tensor1d([1, 0, 0], 'int32')).dataSync()[0])).toBe(2)
})

it('leaves no tensor', async () => {
  const left = await countTensors(() =>
    tf.tidy(() => {
      tf.grad((x) => softmaxCrossEntropy(x, labels))(logits)
    }),
  )
  expect(left).toEqual({ tensors: 0, buffers: 0 })
})
