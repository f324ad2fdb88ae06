import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { seeded } from '../../../core/random.ts'
import type { Split } from '../../../core/trainer.ts'
import {
  channelStatistics,
  classCounts,
  concatImages,
  firstImages,
  holdOut,
  imageSplit,
  labelledImages,
  prefix,
  subset,
} from '../../../evaluators/data/index.ts'

beforeAll(() => tf.setBackend('cpu'))

/** Image i is filled with the bytes i, i + 1, … of 2×2 pixels; its label is i mod classes. */
const numbered = (count: number, { classes = 3, channels = 1 } = {}) =>
  labelledImages({
    height: 2,
    width: 2,
    channels,
    classes,
    pixels: Uint8Array.from({ length: count * 4 * channels }, (_, i) => (Math.floor(i / (4 * channels)) + i) % 256),
    labels: Int32Array.from({ length: count }, (_, i) => i % classes),
  })

const plain = { mean: [0], std: [1 / 255] }

function labelsOf(split: Split, options: Parameters<Split['batches']>[0]): number[][] {
  return [...split.batches(options)].map(({ inputs, targets }) => {
    const values = [...targets.dataSync()]
    tf.dispose([inputs, targets])
    return values
  })
}

test('batches hold every example once, in stored order without a generator', () => {
  const split = imageSplit('train', numbered(7))
  expect(labelsOf(split, { batchSize: 3 })).toEqual([[0, 1, 2], [0, 1, 2], [0]])
  expect(labelsOf(split, { batchSize: 3, dropRemainder: true })).toHaveLength(2)
  expect(split).toMatchObject({ role: 'train', size: 7, inputShape: [2, 2, 1], classes: 3 })
})

test('inputs are (pixel / 255 − mean) / std by channel, float32; targets are int32', () => {
  const images = numbered(2, { channels: 3 })
  const normalisation = { mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 2] }
  const [batch] = [...imageSplit('test', images, { normalisation }).batches({ batchSize: 2 })]
  expect(batch?.inputs).toMatchObject({ shape: [2, 2, 2, 3], dtype: 'float32' })
  expect(batch?.targets).toMatchObject({ shape: [2], dtype: 'int32' })
  const values = batch?.inputs.dataSync() as Float32Array
  for (const [i, byte] of images.pixels.entries()) {
    const c = i % 3
    const expected = (byte / 255 - normalisation.mean[c]!) / normalisation.std[c]!
    expect(values[i]).toBeCloseTo(expected, 5)
  }
  tf.dispose([batch?.inputs, batch?.targets] as tf.Tensor[])
})

test('by default the batches of a split have mean 0 and standard deviation 1 in each channel', () => {
  const split = imageSplit('train', numbered(30, { channels: 3 }))
  const [batch] = [...split.batches({ batchSize: 30 })]
  const { mean, variance } = tf.moments(batch?.inputs as tf.Tensor, [0, 1, 2])
  for (const value of mean.dataSync()) expect(value).toBeCloseTo(0, 5)
  for (const value of variance.dataSync()) expect(value).toBeCloseTo(1, 5)
})

test('same seed, same order; the order changes from epoch to epoch; an early stop changes nothing later', () => {
  const split = imageSplit('train', numbered(50, { classes: 50 }))
  const epochs = (seed: number, stopFirst = false) => {
    const rng = seeded(seed)
    for (const { inputs, targets } of split.batches({ batchSize: 8, rng })) {
      tf.dispose([inputs, targets])
      if (stopFirst) break
    }
    return [labelsOf(split, { batchSize: 8, rng }), rng.float()]
  }
  expect(epochs(1)).toEqual(epochs(1))
  expect(epochs(1)).toEqual(epochs(1, true))
  expect(epochs(1)).not.toEqual(epochs(2))
  const rng = seeded(1)
  const [first, second] = [labelsOf(split, { batchSize: 50, rng }), labelsOf(split, { batchSize: 50, rng })]
  expect(first).not.toEqual(second)
  expect([...(first[0] as number[])].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
})

test('the receiver owns a batch: nothing else is left behind', () => {
  const before = tf.memory().numTensors
  const split = imageSplit('train', numbered(20), { augmentation: { flip: true, crop: { padding: 1 }, cutout: 1 } })
  for (const { inputs, targets } of split.batches({ batchSize: 6, rng: seeded(1) })) {
    expect(tf.memory().numTensors).toBe(before + 2)
    tf.dispose([inputs, targets])
  }
  expect(tf.memory().numTensors).toBe(before)
})

test.each([0, -1, 1.5, Number.NaN])('a batch size of %d is ARCHLOOM_BATCH_SIZE, at the call', (batchSize) => {
  const split = imageSplit('train', numbered(3))
  expect(() => split.batches({ batchSize })).toThrow(expect.objectContaining({ code: 'ARCHLOOM_BATCH_SIZE' }))
})

test('hold-out: both parts together are the whole, each class keeps its share to within one', () => {
  const sizes = fc.record({ count: fc.integer({ min: 4, max: 200 }), classes: fc.integer({ min: 1, max: 9 }) })
  fc.assert(
    fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), fc.integer(), ({ count, classes }, share, seed) => {
      const whole = imageSplit('train', numbered(count, { classes }))
      const n = 1 + Math.floor(share * (count - 2))
      const { train, validation } = holdOut(whole, n, seeded(seed))
      expect(validation.size).toBe(n)
      expect([...train.indices, ...validation.indices].sort((a, b) => a - b)).toEqual([...whole.indices])
      const all = classCounts(whole.images)
      for (const [k, held] of classCounts(whole.images, validation.indices).entries())
        expect(Math.abs(held - (n * all[k]!) / count)).toBeLessThan(1)
    }),
    { numRuns: 60 },
  )
})

test('hold-out depends on the seed only, keeps the order and the augmentation of training', () => {
  const whole = imageSplit('train', numbered(40), { augmentation: { flip: true } })
  const once = holdOut(whole, 10, seeded(1))
  expect(holdOut(whole, 10, seeded(1)).validation.indices).toEqual(once.validation.indices)
  expect(holdOut(whole, 10, seeded(2)).validation.indices).not.toEqual(once.validation.indices)
  expect([...once.train.indices]).toEqual([...once.train.indices].sort((a, b) => a - b))
  expect(once.train.augmentation).toEqual({ flip: true })
  expect(once.validation.augmentation).toBeUndefined()
  expect(once.validation.normalisation).toEqual(whole.normalisation)
})

test('prefix takes the first, subset a stratified choice', () => {
  const split = imageSplit('test', numbered(30))
  expect([...prefix(split, 4).indices]).toEqual([0, 1, 2, 3])
  const some = subset(split, 9, seeded(4))
  expect(some.role).toBe('test')
  expect(classCounts(split.images, some.indices)).toEqual([3, 3, 3])
})

test.each([0, 31, 2.5])('%d of 30 examples are ARCHLOOM_SPLIT_SIZE', (n) => {
  const split = imageSplit('train', numbered(30))
  const refused = expect.objectContaining({
    code: 'ARCHLOOM_SPLIT_SIZE',
    details: expect.objectContaining({ received: n }),
  })
  expect(() => prefix(split, n)).toThrow(refused)
  expect(() => subset(split, n, seeded(1))).toThrow(refused)
  expect(() => holdOut(split, n, seeded(1))).toThrow(refused)
})

test('channel statistics are those of the definition', () => {
  const images = numbered(9, { channels: 3 })
  const { mean, std } = channelStatistics(images, [2, 5])
  for (const c of [0, 1, 2]) {
    const values = [2, 5].flatMap((i) => [0, 1, 2, 3].map((p) => images.pixels[i * 12 + p * 3 + c]! / 255))
    const average = values.reduce((a, b) => a + b) / values.length
    const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length
    expect(mean[c]).toBeCloseTo(average, 12)
    expect(std[c]).toBeCloseTo(Math.sqrt(variance), 12)
  }
})

test.each([
  { mean: [0], std: [0] },
  { mean: [0, 0], std: [1, 1] },
  { mean: [Number.NaN], std: [1] },
])('normalisation by %j is ARCHLOOM_NORMALISATION', (normalisation) => {
  expect(() => imageSplit('train', numbered(3), { normalisation })).toThrow(
    expect.objectContaining({ code: 'ARCHLOOM_NORMALISATION' }),
  )
})

test('a constant channel stays finite', () => {
  const images = { ...numbered(3), pixels: new Uint8Array(12).fill(9) }
  expect(channelStatistics(images)).toEqual({ mean: [9 / 255], std: [1] })
})

test('sets of different shapes cannot be joined: ARCHLOOM_DATA_SHAPE; views do not copy', () => {
  expect(() => concatImages([numbered(2), numbered(2, { channels: 3 })])).toThrow(
    expect.objectContaining({ code: 'ARCHLOOM_DATA_SHAPE' }),
  )
  const images = numbered(5)
  expect(firstImages(images, 2).pixels.buffer).toBe(images.pixels.buffer)
  expect(imageSplit('train', firstImages(images, 2), { normalisation: plain }).size).toBe(2)
})
