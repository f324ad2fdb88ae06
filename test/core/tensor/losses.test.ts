import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import {
  correctCount,
  countTensors,
  l1Loss,
  l2Loss,
  sigmoidCrossEntropy,
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

describe('sigmoidCrossEntropy', () => {
  const targets = tf.tensor2d([1, 0, 0, 1, 1, 0.5, 0, 0, 1, 1, 1, 0, 0, 0.2, 1, 0, 1, 0, 1, 1], [5, 4])

  it('is the mean binary cross-entropy, and its gradient that of differences', () => {
    const [x, t] = [logits.dataSync(), targets.dataSync()]
    const terms = [...x].map((score, i) => {
      const p = 1 / (1 + Math.exp(-score))
      return -t[i]! * Math.log(p) - (1 - t[i]!) * Math.log(1 - p)
    })
    const mean = terms.reduce((a, b) => a + b) / terms.length
    expect(tf.tidy(() => sigmoidCrossEntropy(logits, targets).dataSync()[0])).toBeCloseTo(mean, 5)
    expectGradients((scores) => sigmoidCrossEntropy(scores, targets), [logits])
  })

  it('is finite for logits whose exponential is not', () => {
    const value = tf.tidy(() => sigmoidCrossEntropy(tf.tensor1d([500, -500]), tf.tensor1d([0, 0])).dataSync()[0])
    expect(value).toBeCloseTo(250, 3)
  })
})

describe('values that are paired', () => {
  it.each([
    ['sigmoidCrossEntropy', sigmoidCrossEntropy],
    ['l1Loss', l1Loss],
    ['l2Loss', l2Loss],
  ] as const)('are those of the same example: %s', (name, loss) => {
    const [predictions, flat] = [tf.tensor2d([[1], [2]]), tf.tensor1d([1, 0])]
    expect(() => loss(predictions, flat)).toThrow(
      new RegExp(
        `ARCHLOOM_TARGETS_SHAPE: ${name} received targets of shape \\[2\\] for predictions of shape \\[2, 1\\]`,
      ),
    )
    const same = tf.tidy(() => loss(predictions, tf.reshape(flat, [2, 1])).dataSync()[0])
    expect(Number.isFinite(same)).toBe(true)
    expect(tf.tidy(() => loss(predictions, tf.scalar(1)).size)).toBe(1)
  })
})

describe('sigmoidCrossEntropy of infinite logits', () => {
  const at = (logit: number, target: number) =>
    tf.tidy(() => sigmoidCrossEntropy(tf.tensor1d([logit, 0]), tf.tensor1d([target, 0])).dataSync()[0])
  it('is what certainty costs', () => {
    const [yes, no] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    expect(at(yes, 1)).toBeCloseTo(Math.LN2 / 2, 6)
    expect(at(no, 0)).toBeCloseTo(Math.LN2 / 2, 6)
    expect([at(yes, 0), at(no, 1), at(yes, 0.5), at(no, 0.5)]).toEqual([yes, yes, yes, yes])
    expect(at(Number.NaN, 1)).toBeNaN()
  })
})

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

  const { POSITIVE_INFINITY: infinity, NaN: nan } = Number
  const special: [label: string, logits: number[][], labels: number[], smoothing: number, expected: number][] = [
    ['a class ruled out', [[1, -infinity], [2, 1]], [0, 0], 0, Math.log1p(Math.exp(-1)) / 2],
    ['the class of the label ruled out', [[1, -infinity], [2, 1]], [1, 0], 0, infinity],
    ['a class ruled out, with smoothing', [[1, -infinity], [2, 1]], [0, 0], 0.1, infinity],
    ['all classes but one ruled out', [[-infinity, 3, -infinity]], [1], 0, 0],
    ['a logit of NaN', [[1, nan], [2, 1]], [0, 0], 0, nan],
    ['a logit of +Infinity', [[1, infinity], [2, 1]], [0, 0], 0, nan],
    ['nothing but −Infinity', [[-infinity, -infinity]], [0], 0, nan],
    ['large logits', [[3e38, -3e38], [1e30, 1e30]], [0, 1], 0, Math.LN2 / 2],
  ] // biome-ignore format: one line each
  it.each(special)('%s: its value and gradient', (_, rows, classes, labelSmoothing, expected) => {
    tf.tidy(() => {
      const [at, indices] = [tf.tensor2d(rows), tf.tensor1d(classes, 'int32')]
      const { value, grad } = tf.valueAndGrad((x) => softmaxCrossEntropy(x, indices, { labelSmoothing }))(at)
      const loss = value.dataSync()[0] as number
      if (Number.isFinite(expected)) expect(loss).toBeCloseTo(expected, 5)
      else expect(loss).toBe(expected)
      // (softmax − target) / batch, finite wherever the loss is not NaN.
      expect(grad.dataSync().every(Number.isFinite)).toBe(!Number.isNaN(expected))
    })
  })

  it('gives a class that is ruled out no gradient', () => {
    tf.tidy(() => {
      const at = tf.tensor2d([[1, -infinity, 1], [2, 1, 0]]) // biome-ignore format: one line
      const gradient = tf
        .grad((x) => softmaxCrossEntropy(x, tf.tensor1d([0, 1], 'int32')))(at)
        .arraySync() as number[][]
      expect(gradient[0]?.map((value) => value * 2)).toEqual([-0.5, 0, 0.5])
    })
  })

  it('ARCHLOOM_OPTION for a share that is none', () => {
    for (const labelSmoothing of [2, -0.1, Number.NaN])
      expect(() => softmaxCrossEntropy(logits, labels, { labelSmoothing })).toThrow(/ARCHLOOM_OPTION.*labelSmoothing/)
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

it('a row with a NaN never counts as right, as in the metrics', () => {
  const scores = tf.tensor2d([[Number.NaN, 2], [Number.NaN, Number.NaN], [0, -Number.POSITIVE_INFINITY]]) // biome-ignore format: one line
  expect(tf.tidy(() => correctCount(scores, tf.tensor1d([0, 0, 0], 'int32')).dataSync()[0])).toBe(1)
})

it('losses can be differentiated twice', () => {
  const targets = sample([5, 4], 'targets', -2, 2.3)
  const twice = (f: (x: tf.Tensor) => tf.Scalar) =>
    expectGradients((x) => tf.grad((z: tf.Tensor) => tf.square(f(z)))(x), [logits], { step: 2e-3 })
  twice((x) => softmaxCrossEntropy(x, labels, { labelSmoothing: 0.1 }))
  twice((x) => l1Loss(x, targets))
  twice((x) => l2Loss(x, targets))
})

it('leaves no tensor', async () => {
  const left = await countTensors(() =>
    tf.tidy(() => {
      tf.grad((x) => softmaxCrossEntropy(x, labels))(logits)
    }),
  )
  expect(left).toEqual({ tensors: 0, buffers: 0 })
})
