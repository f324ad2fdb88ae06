import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../../core/random.ts'
import {
  addNoise,
  blur,
  crop,
  cropToMultiple,
  degradation,
  downscaleBicubic,
  downscaleBlurred,
  downscaleNearest,
  drawScene,
  gaussianKernel,
  type Picture,
  picture,
  picturesIn,
  readPicture,
  symmetries,
  throughJpeg,
  transformed,
  upscaleBicubic,
} from '../../../../evaluators/data/images/index.ts'
import { psnr } from '../../../../evaluators/metrics/index.ts'
import { itWithData } from '../../../conditional-suites.ts'

const scene = drawScene(32, 40, seeded('degrade'))
const impulse = (() => {
  const pixels = new Uint8Array(9 * 9)
  pixels[4 * 9 + 4] = 255
  return picture(9, 9, 1, pixels)
})()

describe('degradations', () => {
  it('blur with a kernel of sum 1 and of the given shape', () => {
    const round = gaussianKernel({ sigma: 1.2 })
    expect(round.size).toBe(9)
    expect(round.weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
    const spread = blur(impulse, round)
    expect(spread.pixels[40]).toBe(Math.round(255 * round.weights[40]!))
    expect(spread).toEqual(transformed(spread, { mirror: true, flip: false, transpose: true }))
    const flat = picture(5, 5, 3, new Uint8Array(75).fill(90))
    expect(blur(flat, round)).toEqual(flat)
    // Long along the columns of an image: more falls beside the centre than above it.
    const long = blur(impulse, gaussianKernel({ sigma: 2, sigmaAcross: 0.5, size: 9 })).pixels
    expect(long[4 * 9 + 6]!).toBeGreaterThan(10)
    expect(long[6 * 9 + 4]).toBe(0)
    const turned = blur(impulse, gaussianKernel({ sigma: 2, sigmaAcross: 0.5, size: 9, angle: Math.PI / 2 })).pixels
    expect(turned[6 * 9 + 4]).toBe(long[4 * 9 + 6])
    expect(() => gaussianKernel({ sigma: 0 })).toThrow('ARCHLOOM_OPTION')
    expect(() => gaussianKernel({ sigma: 1, size: 4.5 })).toThrow('ARCHLOOM_OPTION')
    expect(() => gaussianKernel({ sigma: 1, size: 0 })).toThrow('ARCHLOOM_OPTION')
  })

  it('take one pixel of each block by nearest', () => {
    const small = downscaleNearest(scene, 4)
    expect([small.height, small.width]).toEqual([8, 10])
    expect([...small.pixels.slice(0, 3)]).toEqual([...scene.pixels.slice((2 * 40 + 2) * 3, (2 * 40 + 2) * 3 + 3)])
  })

  it.each([1, 2, 3, 4, 5, 8])('blur and thin without moving anything at scale %i', async (scale) => {
    const whole = drawScene(8 * scale, 6 * scale, seeded('symmetric'))
    // Mirrored and upside down; bicubic rounds its passes in another order when transposed.
    const ways = symmetries.filter(({ transpose }) => !transpose)
    const downscale = 'nearest' as const
    for (const shrink of [
      async (image: Picture) => downscaleBlurred(image, { sigma: 1.6 }, scale),
      // Made without a size, so that the size may follow from the scale.
      async (image: Picture) => downscaleBlurred(image, gaussianKernel({ sigma: 1.6 }), scale),
      (image: Picture) => degradation({ scale, blur: gaussianKernel({ sigma: 1.6 }), downscale })(image, seeded(1)),
      (image: Picture) => degradation({ scale, blur: { sigma: 1.2 }, downscale: 'bicubic' })(image, seeded(1)),
    ])
      for (const way of ways) {
        const [there, other] = [transformed(await shrink(whole), way), await shrink(transformed(whole, way))]
        expect([there.height, there.width]).toEqual([other.height, other.width])
        // The same sums in another order, rounded.
        there.pixels.forEach((value, i) => {
          expect(Math.abs(value - other.pixels[i]!)).toBeLessThanOrEqual(1)
        })
      }
  })

  it('take kernels of 12 pixels for σ = 1.6 at ×4 and refuse those that shift the image', () => {
    const even = gaussianKernel({ sigma: 1.6, size: 12 })
    expect(downscaleBlurred(scene, { sigma: 1.6 }, 4)).toEqual(downscaleNearest(blur(scene, even), 4))
    expect(() => downscaleBlurred(scene, gaussianKernel({ sigma: 1.6, size: 11 }), 4)).toThrow(
      /ARCHLOOM_OPTION.*11.*an even number.*half a pixel/s,
    )
    expect(() => degradation({ scale: 3, blur: even, downscale: 'nearest' })).toThrow(/an odd number/)
    expect(() => degradation({ scale: 4, blur: even })).toThrow(/an odd number/)
  })

  itWithData('measure 25.451 dB by bicubic at ×4 on ten photographs', ['sr/BSD100'], async (root) => {
    // One half pixel off centre these are 25.217 dB.
    const ratios: number[] = []
    for (const file of (await picturesIn(join(root, 'sr/BSD100/HR'))).slice(16, 26)) {
      const large = cropToMultiple(await readPicture(file), 4)
      ratios.push(psnr(upscaleBicubic(downscaleBlurred(large, { sigma: 1.6 }, 4), 4), large, { border: 4 }))
    }
    expect(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toBeCloseTo(25.451, 3)
  })

  it('add noise of the given spread, the same for the same seed', () => {
    const grey = picture(50, 50, 1, new Uint8Array(2500).fill(128))
    const noisy = addNoise(grey, 10, seeded(1))
    const deviation = Math.sqrt([...noisy.pixels].reduce((sum, value) => sum + (value - 128) ** 2, 0) / 2500)
    expect(deviation).toBeGreaterThan(9)
    expect(deviation).toBeLessThan(11)
    expect(addNoise(grey, 10, seeded(1))).toEqual(noisy)
  })

  it('lose more by a lower JPEG quality', async () => {
    const [rough, fine] = [await throughJpeg(scene, 20), await throughJpeg(scene, 95)]
    expect(psnr(rough, scene)).toBeLessThan(psnr(fine, scene) - 3)
    const grey = picture(
      32,
      40,
      1,
      Uint8Array.from({ length: 1280 }, (_, i) => scene.pixels[3 * i + 1]!),
    )
    const through = await throughJpeg(grey, 95)
    expect(through).toMatchObject({ height: 32, width: 40, channels: 1 })
    expect(psnr(through, grey)).toBeGreaterThan(35)
    expect(await degradation({ scale: 2, jpeg: 90 })(grey, seeded(1))).toMatchObject({ height: 16, channels: 1 })
  })

  it('follow each other: blur, shrink, noise, JPEG', async () => {
    const rng = () => seeded(7)
    expect(await degradation({ scale: 2 })(scene, rng())).toEqual(downscaleBicubic(scene, 2))
    const kernel = gaussianKernel({ sigma: 1.6 })
    const blind = degradation({ scale: 4, blur: kernel, downscale: 'nearest', noise: 3, jpeg: 60 })
    const expected: Picture = await throughJpeg(addNoise(downscaleBlurred(scene, kernel, 4), 3, rng()), 60)
    expect(await blind(scene, rng())).toEqual(expected)
    expect(() => degradation({ scale: 2, jpeg: 0 })).toThrow('ARCHLOOM_OPTION')
    expect(() => degradation({ scale: 0.5 })).toThrow('ARCHLOOM_OPTION')
  })
})

describe('pictures', () => {
  it('turn in eight ways that form a group', () => {
    const part = crop(scene, 3, 5, 6, 4)
    const turned = symmetries.map((symmetry) => transformed(part, symmetry))
    const key = (image: Picture) => `${image.height} ${image.pixels.join()}`
    const keys = new Set(turned.map(key))
    expect(keys.size).toBe(8)
    for (const image of turned) {
      expect([...image.pixels].sort()).toEqual([...part.pixels].sort())
      for (const symmetry of symmetries) expect(keys.has(key(transformed(image, symmetry)))).toBe(true)
    }
    expect(turned[0]).toEqual(part)
    expect(() => crop(scene, 30, 0, 5, 5)).toThrow('ARCHLOOM_PICTURE_PIXELS')
  })

  it('are drawn from a seed, with detail at all sizes', () => {
    expect(drawScene(32, 40, seeded('degrade'))).toEqual(scene)
    expect(drawScene(32, 40, seeded('other'))).not.toEqual(scene)
    // Neither flat nor noise: shrinking and repeating loses much, but far from everything.
    const nearest = downscaleNearest(scene, 2)
    const repeated = new Uint8Array(scene.pixels.length)
    for (let y = 0; y < 32; y++)
      for (let x = 0; x < 40; x++)
        for (let c = 0; c < 3; c++)
          repeated[(y * 40 + x) * 3 + c] = nearest.pixels[((y >> 1) * 20 + (x >> 1)) * 3 + c] as number
    const kept = psnr({ ...scene, pixels: repeated }, scene)
    expect(kept).toBeGreaterThan(14)
    expect(kept).toBeLessThan(34)
    expect(() => drawScene(0, 4, seeded(1))).toThrow('ARCHLOOM_OPTION')
  })
})
