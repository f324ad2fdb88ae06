import { describe, expect, it } from 'vitest'
import { seeded } from '../../../../core/random.ts'
import {
  bicubicMatrix,
  bicubicRows,
  cropToMultiple,
  downscaleBicubic,
  drawScene,
  type Picture,
  picture,
  resizeBicubic,
  symmetries,
  transformed,
  upscaleBicubic,
} from '../../../../evaluators/data/images/index.ts'

const resized = (values: readonly number[], outputs: number, scale: number) =>
  bicubicRows(values.length, outputs, scale, 'symmetric').map(({ positions, weights }) =>
    positions.reduce((sum, position, tap) => sum + weights[tap]! * values[position]!, 0),
  )
const ramp = (n: number) => Array.from({ length: n }, (_, i) => i)
const expectClose = (received: readonly number[], expected: readonly number[], digits = 12) =>
  expected.forEach((value, i) => {
    expect(received[i]).toBeCloseTo(value, digits)
  })

describe("MATLAB's bicubic", () => {
  it('has the exact interior weights of ½, ¼ and ⅛', () => {
    const inner = (scale: number) => bicubicRows(64, 64 * scale, scale, 'symmetric')[32 * scale]?.weights ?? []
    const mirrored = (left: readonly number[], denominator: number) =>
      [...left, ...left.toReversed()].map((weight) => weight / denominator)
    expectClose(inner(1 / 2), mirrored([-3, -9, 29, 111], 256))
    expectClose(inner(1 / 4), mirrored([-7, -45, -75, -49, 93, 399, 745, 987], 4096))
    const eighth = [-15, -117, -275, -441, -567, -605, -507, -225, 317, 1263, 2505, 3899, 5301, 6567, 7553, 8115]
    expectClose(inner(1 / 8), mirrored(eighth, 65536))
  })

  it('gives the known values for ramps and an impulse', () => {
    expectClose(resized(ramp(16), 4, 1 / 4), [1.35986328125, 5.48388671875, 9.51611328125, 13.64013671875])
    expectClose(resized(ramp(64), 16, 1 / 4), [1.35986328125, 5.48388671875, 9.5, 13.5, 17.5])
    expectClose(resized(ramp(16), 8, 1 / 2), [0.44921875, 2.48828125, 4.5, 6.5, 8.5, 10.5, 12.51171875, 14.55078125])
    expectClose(resized(ramp(64), 8, 1 / 8), [3.20172119140625, 11.47015381, 19.5, 27.5], 7)
    const impulse = ramp(16).map((i) => (i === 7 ? 1 : 0))
    expectClose(resized(impulse, 4, 1 / 4), [-0.018310546875, 0.181884765625, 0.097412109375, -0.010986328125])
    expectClose(resized(ramp(4), 16, 4), [-0.1171875, -0.0546875, 0.0771484375, 0.3017578125, 0.5810546875])
  })

  it('has rows that sum to 1 at any size, scale and border, and a dense matrix that agrees', () => {
    for (const [inputs, scale] of [
      [1, 2],
      [1, 1 / 2],
      [7, 3],
      [10, 1 / 3],
      [33, 1 / 8],
    ] as const)
      for (const border of ['replicate', 'symmetric'] as const) {
        const outputs = Math.ceil(inputs * scale)
        const rows = bicubicRows(inputs, outputs, scale, border)
        const matrix = bicubicMatrix(inputs, outputs, scale, border)
        rows.forEach(({ positions, weights }, row) => {
          expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
          expect(positions.every((position) => position >= 0 && position < inputs)).toBe(true)
          const dense = matrix.subarray(row * inputs, (row + 1) * inputs)
          expect(dense.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
        })
      }
  })

  it('½ twice is not ¼', () => {
    const product = (at: number) => {
      const unit = ramp(64).map((i) => (i === at ? 1 : 0))
      const twice = resized(resized(unit, 32, 1 / 2), 16, 1 / 2)
      const once = resized(unit, 16, 1 / 4)
      return Math.max(...once.map((value, i) => Math.abs(value - twice[i]!)))
    }
    expect(Math.max(...ramp(64).map(product))).toBeCloseTo(0.00916, 5)
  })

  it('keeps constants, and turns with the image', () => {
    const flat: Picture = picture(12, 8, 3, new Uint8Array(12 * 8 * 3).fill(77))
    expect(downscaleBicubic(flat, 4).pixels).toEqual(new Uint8Array(3 * 2 * 3).fill(77))
    expect(upscaleBicubic(flat, 3).pixels.every((value) => value === 77)).toBe(true)
    const scene = drawScene(24, 36, seeded(1))
    for (const symmetry of symmetries.filter(({ transpose }) => !transpose))
      for (const change of [(x: Picture) => downscaleBicubic(x, 2), (x: Picture) => upscaleBicubic(x, 2)])
        expect(change(transformed(scene, symmetry))).toEqual(transformed(change(scene), symmetry))
  })

  it('aligns crops: inside, shrinking a part equals a part of the shrunk', () => {
    const scene = drawScene(64, 64, seeded(2))
    const part = (image: Picture, from: number, side: number) => {
      const values: number[] = []
      for (let y = from; y < from + side; y++)
        for (let x = from; x < from + side; x++) values.push(image.pixels[(y * image.width + x) * 3]!)
      return values
    }
    const whole = part(downscaleBicubic(scene, 2), 12, 8)
    const cut: Picture = { height: 32, width: 32, channels: 3, pixels: new Uint8Array(32 * 32 * 3) }
    for (let y = 0; y < 32; y++)
      for (let i = 0; i < 96; i++) cut.pixels[y * 96 + i] = scene.pixels[((16 + y) * 64 + 16) * 3 + i] as number
    expect(part(downscaleBicubic(cut, 2), 4, 8)).toEqual(whole)
  })

  it('cuts odd sizes, takes a single pixel up, and refuses what is smaller than the scale', () => {
    const scene = drawScene(11, 7, seeded(3))
    const small = downscaleBicubic(scene, 2)
    expect([small.height, small.width]).toEqual([5, 3])
    expect(small).toEqual(downscaleBicubic(cropToMultiple(scene, 2), 2))
    const dot = picture(1, 1, 3, Uint8Array.of(10, 20, 30))
    expect(upscaleBicubic(dot, 2).pixels).toEqual(
      Uint8Array.from([...dot.pixels, ...dot.pixels, ...dot.pixels, ...dot.pixels]),
    )
    expect(() => downscaleBicubic(dot, 2)).toThrow('ARCHLOOM_PICTURE_PIXELS')
    expect(() => downscaleBicubic(scene, 1.5)).toThrow('ARCHLOOM_OPTION')
    expect(() => upscaleBicubic(scene, 0)).toThrow('ARCHLOOM_OPTION')
  })

  it('rounds between the passes only on request', () => {
    const scene = drawScene(32, 32, seeded(4))
    const options = { height: 16, width: 16, scale: 1 / 2, border: 'replicate' } as const
    const rounded = resizeBicubic(scene, { ...options, roundBetween: true })
    const unrounded = resizeBicubic(scene, { ...options, roundBetween: false })
    expect(rounded).toEqual(downscaleBicubic(scene, 2))
    // Mostly by one level; more only where the first pass is clamped.
    const apart = [...rounded.pixels].filter((value, i) => value !== unrounded.pixels[i]).length / rounded.pixels.length
    expect(apart).toBeGreaterThan(0.05)
    expect(apart).toBeLessThan(0.3)
  })
})
