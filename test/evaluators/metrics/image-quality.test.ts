import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, useEngine } from '../../../core/tensor/index.ts'
import {
  addNoise,
  downscaleBicubic,
  drawScene,
  generatedPairs,
  type Picture,
  picture,
  toRgb,
} from '../../../evaluators/data/images/index.ts'
import { psnr, ssim, upscaled, upscalingQuality } from '../../../evaluators/metrics/index.ts'

beforeAll(async () => {
  await useEngine('cpu')
})

const flat = (value: number, channels: 1 | 3 = 3): Picture =>
  picture(16, 20, channels, new Uint8Array(16 * 20 * channels).fill(value))
const scene = drawScene(32, 40, seeded('quality'))

describe('psnr', () => {
  it('has the values of the field', () => {
    expect(psnr(flat(100), flat(101))).toBeCloseTo(49.4527, 4)
    expect(psnr(flat(100), flat(101), { on: 'rgb' })).toBeCloseTo(48.1308, 4)
    expect(psnr(flat(100, 1), flat(101, 1), { on: 'rgb' })).toBeCloseTo(48.1308, 4)
    expect(psnr(flat(100, 1), flat(101, 1))).toBeCloseTo(49.4527, 4)
    expect(psnr(flat(0), flat(255))).toBeCloseTo(1.3219, 4)
    expect(psnr(scene, scene)).toBe(Number.POSITIVE_INFINITY)
  })

  it('of grey images is 20·log₁₀(255/219) = 1.322 dB higher on luma than on the grey values', () => {
    const grey = (offset: number) =>
      picture(
        6,
        6,
        1,
        Uint8Array.from({ length: 36 }, (_, i) => 5 * i + offset * (i % 3)),
      )
    const [a, b] = [grey(0), grey(4)]
    const luma = psnr(a, b)
    expect(luma - psnr(a, b, { on: 'rgb' })).toBeCloseTo(20 * Math.log10(255 / 219), 12)
    expect(psnr(toRgb(a), toRgb(b))).toBeCloseTo(luma, 12)
    expect(20 * Math.log10(255 / 219)).toBeCloseTo(1.322, 3)
  })

  it('leaves the border out', () => {
    const pixels = scene.pixels.slice()
    for (let x = 0; x < 40 * 3; x++) pixels[x] = 255 - pixels[x]!
    const spoilt = { ...scene, pixels }
    expect(psnr(spoilt, scene)).toBeLessThan(40)
    expect(psnr(spoilt, scene, { border: 1 })).toBe(Number.POSITIVE_INFINITY)
    expect(() => psnr(scene, scene, { border: 16 })).toThrow('ARCHLOOM_METRIC_IMAGE')
    expect(() => psnr(scene, flat(1))).toThrow('ARCHLOOM_METRIC_IMAGE')
  })
})

describe('ssim', () => {
  it('is 1 for equals, symmetric, and falls with noise', () => {
    expect(ssim(scene, scene)).toBeCloseTo(1, 12)
    const [little, much] = [addNoise(scene, 5, seeded(1)), addNoise(scene, 40, seeded(1))]
    expect(ssim(little, scene)).toBeCloseTo(ssim(scene, little), 12)
    expect(ssim(much, scene)).toBeLessThan(ssim(little, scene))
    expect(ssim(little, scene, { on: 'rgb' })).toBeLessThan(1)
  })

  it('of flat images is that of their means alone', () => {
    const [a, b] = [16 + (219 * 100) / 255, 16 + (219 * 150) / 255]
    const c1 = (0.01 * 255) ** 2
    expect(ssim(flat(100), flat(150))).toBeCloseTo((2 * a * b + c1) / (a * a + b * b + c1), 9)
    expect(() => ssim(scene, scene, { border: 11 })).toThrow('ARCHLOOM_METRIC_IMAGE')
  })
})

describe('upscaling quality', () => {
  const nearest = (x: tf.Tensor4D) => tf.image.resizeNearestNeighbor(x, [x.shape[1] * 2, x.shape[2] * 2], false, true)

  it('measures an upscaler on whole images, and leaves no tensor', async () => {
    const pairs = generatedPairs(2, { scale: 2, size: 32 })
    const measured = await upscalingQuality(nearest, pairs)
    const each = await Promise.all(
      pairs.map(async ({ lr, hr }) => psnr(await upscaled(nearest, lr), hr, { border: 2 })),
    )
    expect(measured.images.map((image) => image.psnr)).toEqual(each)
    expect(measured.psnr).toBeCloseTo((each[0]! + each[1]!) / 2, 10)
    expect(measured.ssim).toBeGreaterThan(0)
    const first = pairs[0] as (typeof pairs)[0]
    const back = downscaleBicubic(await upscaled(nearest, first.lr), 2)
    expect((await upscalingQuality(nearest, [first])).lrConsistency).toBe(psnr(back, first.lr))
    expect(await countTensors(async () => void (await upscalingQuality(nearest, pairs)))).toEqual({
      tensors: 0,
      buffers: 0,
    })
    await expect(upscalingQuality((x) => tf.clone(x), pairs)).rejects.toThrow('ARCHLOOM_METRIC_IMAGE')
    await expect(upscalingQuality(nearest, [])).rejects.toThrow('ARCHLOOM_METRIC_NO_EXAMPLES')
  })
})

it('planes that there are not are refused, and not measured as others', () => {
  const [a, b] = [flat(1), flat(2)]
  for (const measure of [psnr, ssim])
    expect(() => measure(a, b, { on: 'Luma' as 'luma' })).toThrow(
      /ARCHLOOM_OPTION.*"on" is "Luma"; expected 'luma' or 'rgb'/,
    )
})
