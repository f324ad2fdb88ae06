import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import type { Network } from '../../../core/trainer.ts'
import { imageSplit, labelledImages } from '../../../evaluators/data/index.ts'
import { accuracy, classify, meanLoss, parameterCount } from '../../../evaluators/metrics/index.ts'

beforeAll(() => tf.setBackend('cpu'))

/** An "image" of one row whose pixels are the logits themselves. */
const splitOf = (rows: readonly (readonly number[])[], labels: readonly number[]) => {
  const classes = rows[0]?.length as number
  const images = labelledImages({
    height: 1,
    width: classes,
    channels: 1,
    classes,
    pixels: Uint8Array.from(rows.flat()),
    labels: Int32Array.from(labels),
  })
  return imageSplit('test', images, { normalisation: { mean: [0], std: [1 / 255] } })
}

const networkOf = (apply: Network['apply']): Network => ({
  inputShape: [],
  outputShape: [],
  trainable: [],
  state: [],
  apply,
  [Symbol.dispose]: () => {},
})

const pixelsAsLogits = networkOf((x) => tf.reshape(x, [x.shape[0] as number, -1]))

const rows = [
  [9, 5, 1, 0],
  [9, 5, 1, 0],
  [9, 5, 1, 0],
  [2, 2, 2, 2],
  [2, 2, 2, 2],
]

test.each([1, 2, 3, 128])('top-k counts by rank, ties to the smaller class, in batches of %d', async (batchSize) => {
  const split = splitOf(rows, [0, 1, 3, 0, 1])
  const shares = [1, 2, 3, 4].map((topK) => accuracy(pixelsAsLogits, split, { batchSize, topK }))
  expect(await Promise.all(shares)).toEqual([0.4, 0.8, 0.8, 1])
  expect(await accuracy(pixelsAsLogits, split)).toBe(0.4)
})

test('one pass gives accuracy, top-k, cross-entropy and the number of examples', async () => {
  const split = splitOf(
    [
      [2, 0, 1],
      [200, 0, 0],
    ],
    [2, 0],
  )
  const result = await classify(pixelsAsLogits, split, { topK: 2 })
  const expected = -Math.log(Math.exp(1) / (Math.exp(2) + 1 + Math.exp(1))) / 2
  expect(result).toEqual({ accuracy: 0.5, topK: 1, loss: expect.closeTo(expected, 6), examples: 2 })
})

test('NaN logits count as wrong, not as right', async () => {
  const split = splitOf(rows, [0, 1, 3, 0, 1])
  const broken = networkOf((x) => tf.mul(tf.reshape(x, [x.shape[0] as number, -1]), Number.NaN))
  expect(await classify(broken, split, { topK: 4 })).toEqual({ accuracy: 0, topK: 0, loss: Number.NaN, examples: 5 })
})

test('the network is applied as outside training', async () => {
  let training: boolean | undefined
  const seen = networkOf((x, mode) => {
    training = mode.training
    return pixelsAsLogits.apply(x, mode)
  })
  await accuracy(seen, splitOf(rows, [0, 0, 0, 0, 0]))
  expect(training).toBe(false)
})

test('nothing is left behind, also after an error in the network', async () => {
  const split = splitOf(rows, [0, 1, 2, 3, 0])
  const before = tf.memory().numTensors
  await accuracy(pixelsAsLogits, split, { batchSize: 2 })
  const throwing = networkOf((x) => {
    tf.add(x, 1)
    throw new Error('no')
  })
  await expect(accuracy(throwing, split)).rejects.toThrow('no')
  expect(tf.memory().numTensors).toBe(before)
})

test.each([0, 5, 1.5])('topK %d of 4 classes is ARCHLOOM_METRIC_TOP_K', async (topK) => {
  await expect(accuracy(pixelsAsLogits, splitOf(rows, [0, 0, 0, 0, 0]), { topK })).rejects.toMatchObject({
    code: 'ARCHLOOM_METRIC_TOP_K',
  })
})

test('an empty split is ARCHLOOM_METRIC_NO_EXAMPLES', async () => {
  const split = { ...splitOf(rows, [0, 0, 0, 0, 0]), size: 0, batches: () => [] }
  await expect(accuracy(pixelsAsLogits, split)).rejects.toMatchObject({ code: 'ARCHLOOM_METRIC_NO_EXAMPLES' })
})

test('logits of another shape are ARCHLOOM_METRIC_LOGITS, and leak nothing', async () => {
  const before = tf.memory().numTensors
  const narrow = networkOf((x) => tf.slice(tf.reshape(x, [x.shape[0] as number, -1]), [0, 0], [-1, 3]))
  await expect(accuracy(narrow, splitOf(rows, [0, 0, 0, 0, 0]))).rejects.toMatchObject({
    code: 'ARCHLOOM_METRIC_LOGITS',
    details: { received: [5, 3], expected: [5, 4] },
  })
  expect(tf.memory().numTensors).toBe(before)
})

test('an abort is heeded between batches', async () => {
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(accuracy(pixelsAsLogits, splitOf(rows, [0, 0, 0, 0, 0]), { signal })).rejects.toThrow('enough')
})

test('parameters are what is trained', () => {
  const variables = [tf.variable(tf.zeros([3, 3, 2, 4])), tf.variable(tf.zeros([4]))]
  expect(parameterCount({ trainable: variables })).toBe(76)
  tf.dispose(variables)
})

test('a label that is no class is refused, and counts as no neighbour', async () => {
  const good = splitOf(rows, [0, 0, 0, 0, 0])
  for (const label of [4, -1, 1.5]) {
    const split = {
      ...good,
      *batches() {
        yield { inputs: tf.ones([2, 1, 4, 1]), targets: tf.tensor1d([0, label]) }
      },
    } as unknown as typeof good
    const refused = `ARCHLOOM_METRIC_LABEL: the test split has the label ${label}; expected whole numbers from 0 to 3`
    await expect(classify(pixelsAsLogits, split)).rejects.toThrow(refused)
  }
})

test('a loss for each example is not taken for their mean', async () => {
  const each = (outputs: tf.Tensor, _: tf.Tensor) => tf.mean(outputs, -1) as tf.Scalar
  await expect(
    meanLoss(
      pixelsAsLogits,
      splitOf(
        rows,
        rows.map(() => 0),
      ),
      each,
    ),
  ).rejects.toThrow(/ARCHLOOM_METRIC_LOSS.*one number/)
})
