import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { generatedImages, mixture, pointSplit, withoutClasses } from 'archloom/evaluators/data'
import {
  examplesOf,
  frechetDistance,
  inceptionScore,
  modeCoverage,
  msSsim,
  onnxFeatureNetwork,
  pairSimilarity,
  pictureGrid,
  precisionRecall,
  trainFeatureNetwork,
} from 'archloom/evaluators/metrics/generative'
import { useEngine } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../../core/random.ts'

await useEngine('wasm')

const cloud = (count: number, dimension: number, seed: number) => {
  const rng = seeded(seed)
  return Float32Array.from({ length: count * dimension }, () => rng.normal())
}

describe('Fréchet distance', () => {
  it('LO10 of equal sets is 0, of a pure shift its squared length', () => {
    const a = cloud(50, 4, 1)
    expect(frechetDistance(a, a, 4)).toBeCloseTo(0, 8)
    const shift = [1, -2, 0.5, 3]
    const b = a.map((value, i) => value + shift[i % 4]!)
    expect(frechetDistance(a, b, 4)).toBeCloseTo(1 + 4 + 0.25 + 9, 4)
  })

  it('of spread alone is (σ₁ − σ₂)² a dimension', () => {
    const a = cloud(60, 1, 2)
    const mean = a.reduce((sum, value) => sum + value, 0) / 60
    const wide = a.map((value) => mean + 3 * (value - mean))
    const deviation = Math.sqrt(a.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 59)
    expect(frechetDistance(a, wide, 1)).toBeCloseTo((2 * deviation) ** 2, 4)
  })

  it('of one row, of broken rows and of a collapsed generator is ARCHLOOM_GENERATIVE_METRIC', () => {
    const fine = cloud(5, 3, 1)
    expect(() => frechetDistance(fine, cloud(1, 3, 1), 3)).toThrow(/ARCHLOOM_GENERATIVE_METRIC.*at least 2 rows/)
    expect(() => frechetDistance(fine, new Float32Array(7), 3)).toThrow(/ARCHLOOM_GENERATIVE_METRIC.*7 values/)
    const broken = fine.slice()
    broken[4] = Number.NaN
    expect(() => frechetDistance(fine, broken, 3)).toThrow(/ARCHLOOM_GENERATIVE_METRIC.*NaN in row 1.*collapsed/)
  })
})

describe('Inception-style score', () => {
  it('LO10 is 1 for constant predictions, and the number of classes for sure and balanced ones', () => {
    const constant = Float32Array.from({ length: 40 }, (_, i) => [0.1, 0.2, 0.3, 0.4][i % 4] as number)
    expect(inceptionScore(constant, 4).mean).toBeCloseTo(1, 6)
    const sure = Float32Array.from({ length: 80 }, (_, i) => (i % 4 === Math.floor(i / 4) % 4 ? 1 : 0))
    expect(inceptionScore(sure, 4)).toEqual({ mean: expect.closeTo(4, 5), sd: 0 })
    expect(inceptionScore(sure, 4, { splits: 5 })).toEqual({ mean: expect.closeTo(4, 5), sd: expect.closeTo(0, 5) })
  })

  it('refuses numbers that are not probabilities', () => {
    expect(() => inceptionScore(Float32Array.of(1, 2), 2)).toThrow(/ARCHLOOM_GENERATIVE_METRIC.*softmax/)
  })
})

describe('MS-SSIM', () => {
  const image = (seed: number) => cloud(1, 28 * 28, seed).map((value) => Math.tanh(value))
  it('LO10 is 1 of equal images, less of others, the same both ways round', () => {
    expect(msSsim(image(1), image(1), [28, 28, 1])).toBeCloseTo(1, 10)
    const [there, back] = [msSsim(image(1), image(2), [28, 28, 1]), msSsim(image(2), image(1), [28, 28, 1])]
    expect(there).toBeLessThan(0.5)
    expect(there).toBeCloseTo(back, 10)
    const dimmed = image(1).map((value) => 0.9 * value)
    expect(msSsim(image(1), dimmed, [28, 28, 1])).toBeGreaterThan(0.9)
  })

  it('of pairs distinguishes a collapsed generator from a varied one', () => {
    const varied = cloud(20, 16 * 16, 3).map(Math.tanh)
    const collapsed = varied.map((_, i) => varied[i % 256] as number)
    const score = (images: Float32Array) => pairSimilarity(images, [16, 16, 1], { rng: seeded(1), pairs: 20 })
    expect(score(collapsed)).toBeCloseTo(1, 6)
    expect(score(varied)).toBeLessThan(0.5)
  })

  it('refuses images too small for their scales', () => {
    expect(() => msSsim(image(1), image(2), [28, 28, 1], { scales: 5 })).toThrow(/ARCHLOOM_GENERATIVE_METRIC.*scales/)
  })
})

describe('precision and recall', () => {
  it('are 1 of equal sets and 0 of distant ones', () => {
    const a = cloud(40, 2, 1)
    expect(precisionRecall(a, a, 2)).toEqual({ precision: 1, recall: 1 })
    expect(
      precisionRecall(
        a,
        a.map((value) => value + 100),
        2,
      ),
    ).toEqual({ precision: 0, recall: 0 })
  })

  it('a generator that makes a part of the data well is precise, and recalls that part', () => {
    const far = (values: Float32Array, shift: number) => values.map((value) => value + shift)
    const real = Float32Array.of(...cloud(40, 2, 1), ...far(cloud(40, 2, 2), 50))
    const { precision, recall } = precisionRecall(real, cloud(60, 2, 3), 2)
    expect(precision).toBeGreaterThan(0.8)
    expect(recall).toBeGreaterThan(0.35)
    expect(recall).toBeLessThanOrEqual(0.5)
  })

  it('needs more examples than neighbours', () => {
    expect(() => precisionRecall(cloud(3, 2, 1), cloud(9, 2, 1), 2)).toThrow(/ARCHLOOM_GENERATIVE_METRIC.*4 rows/)
  })
})

it('coverage of modes: all, some, none', () => {
  const modes = mixture({ modes: 4, noise: 0.01 })
  const centres = modes.centres as readonly (readonly number[])[]
  const { points } = modes.draw(400, seeded(1))
  const all = modeCoverage(points, centres, { radius: 0.1 })
  expect(all).toMatchObject({ found: 4, quality: 1 })
  expect(all.divergence).toBeLessThan(0.02)
  const one = modeCoverage(Float32Array.of(1, 0, 1, 0, 5, 5, 5, 5), centres, { radius: 0.1 })
  expect(one).toMatchObject({ found: 1, quality: 0.5, counts: [2, 0, 0, 0] })
  expect(one.divergence).toBeCloseTo(Math.log(4), 10)
  expect(modeCoverage(Float32Array.of(9, 9), centres, { radius: 0.1 }).divergence).toBeCloseTo(Math.log(4), 10)
})

describe('feature networks', () => {
  const data = generatedImages({ train: 160, validation: 10, test: 60, classes: 2, size: 8, channels: 1, seed: 1 })

  it('are trained by us and say so; the same images have the same features', async () => {
    const before = tf.memory().numTensors
    {
      using eyes = await trainFeatureNetwork({ data, epochs: 4, filters: 4, dimension: 6, rng: seeded(1) })
      expect(eyes.name).toMatch(/^archloom's own classifier of generated textures, test accuracy 0\.\d{3}, 6 features$/)
      const images = examplesOf(data.test)
      const { features, probabilities } = await eyes.measure(images)
      expect(features).toHaveLength(60 * 6)
      expect(frechetDistance(features, (await eyes.measure(images)).features, 6)).toBeCloseTo(0, 8)
      expect(inceptionScore(probabilities, 2).mean).toBeGreaterThanOrEqual(1)
      await expect(eyes.measure(new Float32Array(5))).rejects.toThrow(/ARCHLOOM_FEATURE_NETWORK.*5 values/)
    }
    expect(tf.memory().numTensors).toBe(before)
    const points = pointSplit('train', mixture().draw(10, seeded(1)))
    const flat = { ...data, train: points }
    await expect(trainFeatureNetwork({ data: flat, rng: seeded(1) })).rejects.toThrow(
      /ARCHLOOM_FEATURE_NETWORK.*0 classes/,
    )
  })

  it('of yours come from ONNX files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'archloom-features-'))
    try {
      const path = join(folder, 'flatten.onnx')
      writeFileSync(path, flattenModel())
      const options = { path, name: 'mine', shape: [2, 2, 1], features: 'y' } as const
      using eyes = await onnxFeatureNetwork({ ...options, logits: 'y', batchSize: 1, channels: 2, layout: 'nhwc' })
      expect(eyes).toMatchObject({ name: 'mine', dimension: 8, classes: 8 })
      const { features, probabilities } = await eyes.measure(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8))
      expect([...features]).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8])
      expect(probabilities.subarray(0, 8).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
      using planes = await onnxFeatureNetwork({ ...options, channels: 2, scale: (value, c) => value + 10 * c })
      expect([...(await planes.measure(Float32Array.of(1, 2, 3, 4))).features]).toEqual([1, 2, 3, 4, 11, 12, 13, 14])
      using larger = await onnxFeatureNetwork({ ...options, side: 4 })
      const wide = (await larger.measure(Float32Array.of(0, 4, 0, 4))).features
      expect([...wide.subarray(0, 4)]).toEqual([0, 1, 3, 4])
      await expect(onnxFeatureNetwork({ ...options, features: 'pool3' })).rejects.toThrow(
        /ARCHLOOM_FEATURE_NETWORK.*no output "pool3".*one of y/,
      )
      await expect(onnxFeatureNetwork({ ...options, path: join(folder, 'none.onnx') })).rejects.toThrow(/no file/)
      writeFileSync(join(folder, 'broken.onnx'), 'no protobuf')
      await expect(onnxFeatureNetwork({ ...options, path: join(folder, 'broken.onnx') })).rejects.toThrow(
        /ARCHLOOM_FEATURE_NETWORK.*cannot be loaded/,
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

it('grids put images side by side with a line of black between', () => {
  const images = Float32Array.of(1, 1, 1, 1, 0, 0, 0, 0, -1, -1, -1, -1)
  const { height, width, pixels } = pictureGrid(images, [2, 2, 1], { columns: 2 })
  expect([height, width]).toEqual([5, 5])
  expect([...pixels.subarray(0, 5)]).toEqual([255, 255, 0, 128, 128])
  expect([...pixels.subarray(10, 15)]).toEqual([0, 0, 0, 0, 0])
  expect(pictureGrid(images, [2, 2, 1], { columns: 3, enlarge: 2 })).toMatchObject({ height: 4, width: 16 })
  expect(() => pictureGrid(new Float32Array(5), [2, 2, 1])).toThrow(/ARCHLOOM_GENERATIVE_METRIC/)
})

it('points are splits without classes; so are images whose labels are left out', () => {
  const drawn = mixture({ modes: 3 }).draw(10, seeded(1))
  const split = pointSplit('train', drawn)
  expect(split).toMatchObject({ role: 'train', size: 10, inputShape: [2], classes: 0 })
  expect([...examplesOf(split)]).toEqual([...drawn.points])
  expect(examplesOf(split, 3)).toHaveLength(6)
  const shuffled = [...split.batches({ batchSize: 4, rng: seeded(2), dropRemainder: true })]
  expect(shuffled.map(({ inputs }) => inputs.shape)).toEqual([
    [4, 2],
    [4, 2],
  ])
  for (const { inputs, targets } of shuffled) tf.dispose([inputs, targets])
  expect(() => split.batches({ batchSize: 0 })).toThrow(/ARCHLOOM_BATCH_SIZE/)
  const { train } = generatedImages({ train: 12, validation: 4, test: 4, classes: 4, size: 8 })
  expect(withoutClasses(train)).toMatchObject({ classes: 0, size: 12, inputShape: [8, 8, 3] })
})

/** x → Flatten → y, written by hand: field numbers of onnx.proto. */
function flattenModel(): Uint8Array {
  const field = (number: number, bytes: readonly number[]) => [(number << 3) | 2, bytes.length, ...bytes]
  const whole = (number: number, value: number) => [number << 3, value]
  const text = (number: number, value: string) => field(number, [...Buffer.from(value)])
  const tensor = (name: string) => [...text(1, name), ...field(2, field(1, whole(1, 1)))]
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Flatten')]
  const graph = [...field(1, node), ...text(2, 'g'), ...field(11, tensor('x')), ...field(12, tensor('y'))]
  return Uint8Array.from([...whole(1, 8), ...field(7, graph), ...field(8, whole(2, 13))])
}
