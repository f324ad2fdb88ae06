import '@tensorflow/tfjs-backend-cpu'
import { expect, test } from 'vitest'
import {
  channelStatistics,
  classCounts,
  describeDataset,
  labelledImages,
  type SplitDatasetOptions,
  splitDataset,
} from '../../../evaluators/data/index.ts'

const images = (count: number, { classes = 4, side = 2, offset = 0 } = {}) =>
  labelledImages({
    height: side,
    width: side,
    channels: 1,
    classes,
    pixels: Uint8Array.from({ length: count * side * side }, (_, i) => (offset + i * 7) % 256),
    labels: Int32Array.from({ length: count }, (_, i) => i % classes),
  })

const split = (options: Partial<SplitDatasetOptions> = {}) =>
  splitDataset({ name: 'toy', train: images(100), test: images(20, { offset: 3 }), ...options })

test('a tenth is held out unless told otherwise, and trainSize and testSize cut what remains', () => {
  const sizes = (data = split()) => [data.train.size, data.validation.size, data.test.size]
  expect(sizes()).toEqual([90, 10, 20])
  expect(sizes(split({ validation: 40, trainSize: 20, testSize: 8 }))).toEqual([20, 40, 8])
  expect(sizes(split({ test: 20, validation: 20 }))).toEqual([60, 20, 20])
  expect(sizes(split({ validation: images(12) }))).toEqual([100, 12, 20])
  const { train, validation, test } = split({ validation: 40, trainSize: 20, testSize: 8 })
  for (const [part, n] of [
    [train, 5],
    [validation, 10],
    [test, 2],
  ] as const)
    expect(classCounts(part.images, part.indices)).toEqual([n, n, n, n])
})

test('no example is in two parts', () => {
  const { train, validation, test } = split({ test: 30, validation: 20 })
  const all = [...train.indices, ...validation.indices, ...test.indices]
  expect(new Set(all).size).toBe(100)
})

test('the hold-out depends on the seed, and not on the sizes of other parts', () => {
  const indices = (options: Partial<SplitDatasetOptions>) => [
    ...split({ validation: 20, ...options }).validation.indices,
  ]
  expect(indices({ seed: 1 })).toEqual(indices({ seed: 1, trainSize: 30, testSize: 10 }))
  expect(indices({ seed: 1 })).not.toEqual(indices({ seed: 2 }))
})

test('all parts are normalised by the statistics of the training examples alone, or as given', () => {
  const data = split({ validation: 20, trainSize: 40 })
  const expected = channelStatistics(data.train.images, data.train.indices)
  expect(expected).not.toEqual(channelStatistics(data.train.images))
  for (const part of [data.train, data.validation, data.test]) expect(part.normalisation).toEqual(expected)
  const given = { mean: [0.5], std: [0.25] }
  expect(split({ normalisation: given }).test.normalisation).toEqual(given)
})

test('only training images are augmented', () => {
  const data = split({ augment: { flip: true } })
  expect([data.train, data.validation, data.test].map((part) => part.augmentation)).toEqual([
    { flip: true },
    undefined,
    undefined,
  ])
})

test.each<Partial<SplitDatasetOptions>>([
  { validation: 100 },
  { validation: 0 },
  { trainSize: 91 },
  { testSize: 21 },
  { test: 99 },
])('%j is ARCHLOOM_SPLIT_SIZE', (options) => {
  expect(() => split(options)).toThrow(expect.objectContaining({ code: 'ARCHLOOM_SPLIT_SIZE' }))
})

test('a test set of another shape or other classes is ARCHLOOM_DATA_SHAPE', () => {
  for (const test of [images(8, { side: 3 }), images(8, { classes: 5 })])
    expect(() => split({ test })).toThrow(expect.objectContaining({ code: 'ARCHLOOM_DATA_SHAPE' }))
})

test('the description says what, whence and how many', () => {
  expect(describeDataset(split({ source: 'cache', location: '/somewhere' }))).toBe(
    'toy (from the cache, /somewhere): 90 train, 10 validation, 20 test; 2×2×1, 4 classes',
  )
  expect(split({ notes: ['half of it'] }).notes).toEqual(['half of it'])
})
