import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { type Augmentation, imageSplit, labelledImages, withAugmentation } from '../../../evaluators/data/index.ts'

beforeAll(() => tf.setBackend('cpu'))

const SIDE = 6
/** Pixel values 1 … 36 × channels, so that every pixel is known by its value and 0 is only what was padded. */
const image = (channels = 1) =>
  labelledImages({
    height: SIDE,
    width: SIDE,
    channels,
    classes: 1,
    pixels: Uint8Array.from({ length: SIDE * SIDE * channels }, (_, i) => i + 1),
    labels: new Int32Array(1),
  })
/** Batches then hold the bytes themselves, and 0 is also the mean that cutout writes. */
const bytes = (channels: number) => ({
  mean: new Array<number>(channels).fill(0),
  std: new Array<number>(channels).fill(1 / 255),
})

function draws(augmentation: Augmentation, { channels = 1, times = 400, seed = 1 } = {}): number[][] {
  const split = imageSplit('train', image(channels), { augmentation, normalisation: bytes(channels) })
  const rng = seeded(seed)
  return Array.from({ length: times }, () => {
    const [batch] = [...split.batches({ batchSize: 1, rng })]
    const values = [...(batch as { inputs: tf.Tensor }).inputs.dataSync()].map(Math.round)
    tf.dispose([batch?.inputs, batch?.targets] as tf.Tensor[])
    return values
  })
}

/** The image moved down and right by whole pixels, mirrored or not: written apart from the code under test. */
function moved(down: number, right: number, mirror: boolean, channels = 1): number[] {
  return Array.from({ length: SIDE * SIDE * channels }, (_, i) => {
    const [x, y, c] = [Math.floor(i / channels) % SIDE, Math.floor(i / channels / SIDE), i % channels]
    const [fromX, fromY] = [(mirror ? SIDE - 1 - x : x) + right, y + down]
    if (fromX < 0 || fromX >= SIDE || fromY < 0 || fromY >= SIDE) return 0
    return (fromY * SIDE + fromX) * channels + c + 1
  })
}

test.each([1, 3])('flip mirrors about half of the images, and nothing else (%d channels)', (channels) => {
  const mirrored = moved(0, 0, true, channels)
  const drawn = draws({ flip: true }, { channels })
  const flipped = drawn.filter((values) => values.join() === mirrored.join()).length
  const kept = drawn.filter((values) => values.join() === moved(0, 0, false, channels).join()).length
  expect(flipped + kept).toBe(400)
  expect(flipped).toBeGreaterThan(140)
  expect(kept).toBeGreaterThan(140)
})

test.each([1, 3, 2])('crop with flip reaches exactly the 2 × 5 × 5 shifts of padding 2 (%d channels)', (channels) => {
  const shifts = [-2, -1, 0, 1, 2]
  const possible = new Set(
    [true, false].flatMap((mirror) =>
      shifts.flatMap((down) => shifts.map((right) => moved(down, right, mirror, channels).join())),
    ),
  )
  const seen = new Set(draws({ flip: true, crop: { padding: 2 } }, { channels }).map((values) => values.join()))
  expect(possible.size).toBe(50)
  expect(seen).toEqual(possible)
})

test('what enters at the border is black, before normalisation', () => {
  const split = imageSplit('train', image(), {
    augmentation: { crop: { padding: 5 } },
    normalisation: { mean: [0.5], std: [0.5] },
  })
  const lowest = Array.from({ length: 20 }, (_, i) => {
    const [batch] = [...split.batches({ batchSize: 1, rng: seeded(i) })]
    return Math.min(...(batch as { inputs: tf.Tensor }).inputs.dataSync())
  })
  expect(Math.min(...lowest)).toBeCloseTo(-1, 6)
})

test('cutout erases one square to the mean, cut at the border', () => {
  const plain = moved(0, 0, false)
  const areas = new Set<number>()
  for (const values of draws({ cutout: 4 })) {
    const erased = values.flatMap((value, i) => (value === 0 ? [[i % SIDE, Math.floor(i / SIDE)] as const] : []))
    const [xs, ys] = [erased.map(([x]) => x), erased.map(([, y]) => y)]
    const [width, height] = [Math.max(...xs) - Math.min(...xs) + 1, Math.max(...ys) - Math.min(...ys) + 1]
    expect(erased).toHaveLength(width * height)
    expect(Math.max(width, height)).toBeLessThanOrEqual(4)
    expect(values.every((value, i) => value === 0 || value === plain[i])).toBe(true)
    areas.add(erased.length)
  }
  expect(Math.max(...areas)).toBe(16)
  expect(Math.min(...areas)).toBe(4)
})

test('without a generator, and without augmentation, images stay as they are', () => {
  const augmented = imageSplit('train', image(), { augmentation: { flip: true, cutout: 6 }, normalisation: bytes(1) })
  for (const [split, rng] of [
    [augmented, undefined],
    [withAugmentation(augmented), seeded(1)],
  ] as const)
    for (let i = 0; i < 10; i++) {
      const [batch] = [...split.batches({ batchSize: 1, ...(rng && { rng }) })]
      expect([...(batch as { inputs: tf.Tensor }).inputs.dataSync()].map(Math.round)).toEqual(moved(0, 0, false))
    }
  expect(withAugmentation(augmented, { flip: true }).augmentation).toEqual({ flip: true })
})

test('same seed, same changes', () => {
  const all: Augmentation = { flip: true, crop: { padding: 2 }, cutout: 3 }
  expect(draws(all, { times: 30 })).toEqual(draws(all, { times: 30 }))
  expect(draws(all, { times: 30 })).not.toEqual(draws(all, { times: 30, seed: 2 }))
})

test.each<Augmentation>([
  { crop: { padding: -1 } },
  { crop: { padding: 6 } },
  { crop: { padding: 0.5 } },
  { cutout: -2 },
])('%j is ARCHLOOM_AUGMENTATION', (augmentation) => {
  expect(() => imageSplit('train', image(), { augmentation })).toThrow(
    expect.objectContaining({ code: 'ARCHLOOM_AUGMENTATION' }),
  )
})

test('a misspelt change of images is refused, and pixels and labels of another kind as well', () => {
  const split = (augmentation: object) => imageSplit('train', image(), { augmentation: augmentation as Augmentation })
  expect(() => split({ flop: true })).toThrow(/ARCHLOOM_OPTION: augment has no option "flop".*"flip"/)
  expect(() => split({ crop: { paddding: 2 } })).toThrow(/ARCHLOOM_OPTION: crop of augment has no option "paddding"/)
  expect(() => split({ flip: 'no' })).toThrow(/ARCHLOOM_AUGMENTATION.*flip/)
  const parts = { height: 1, width: 2, channels: 1, classes: 2 }
  const of = (pixels: unknown, labels: unknown) =>
    labelledImages({ ...parts, pixels: pixels as Uint8Array, labels: labels as Int32Array })
  for (const pixels of [Float32Array.of(0.2, 0.5), Uint16Array.of(3, 300)])
    expect(() => of(pixels, [1])).toThrow(/ARCHLOOM_DATA_SHAPE.*pixels of the type (Float32|Uint16)Array.*Uint8Array/)
  for (const label of [0.5, Number.NaN])
    expect(() => of(Uint8Array.of(1, 2), [label])).toThrow('ARCHLOOM_DATA_LABEL_RANGE')
})
