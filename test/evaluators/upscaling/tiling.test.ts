import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { drawScene, picture } from '../../../evaluators/data/images/index.ts'
import { sideBySide, tilesOf, upscaleTiled } from '../../../evaluators/upscaling/index.ts'
import { network } from './models.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

describe('tiles', () => {
  it('keep every pixel once, with their overlap around it wherever the image goes on', () => {
    const sides = { height: fc.integer({ min: 1, max: 60 }), width: fc.integer({ min: 1, max: 60 }) }
    fc.assert(
      fc.property(fc.record({ ...sides, overlap: fc.nat(5), more: fc.integer({ min: 1, max: 20 }) }), (drawn) => {
        const { height, width, overlap, more } = drawn
        const tile = 2 * overlap + more
        const seen = new Uint8Array(height * width)
        const sizes = new Set<string>()
        for (const { top, left, keep, ...size } of tilesOf({ height, width }, tile, overlap)) {
          sizes.add(`${size.height}×${size.width}`)
          expect(Math.max(size.height, size.width)).toBeLessThanOrEqual(tile)
          expect([top >= 0, left >= 0, top + size.height <= height, left + size.width <= width]).not.toContain(false)
          expect(top === 0 || keep.top - top >= overlap).toBe(true)
          expect(left === 0 || keep.left - left >= overlap).toBe(true)
          expect(top + size.height === height || top + size.height - keep.bottom >= overlap).toBe(true)
          expect(left + size.width === width || left + size.width - keep.right >= overlap).toBe(true)
          for (let y = keep.top; y < keep.bottom; y++)
            for (let x = keep.left; x < keep.right; x++) seen[y * width + x] = seen[y * width + x]! + 1
        }
        expect(seen.every((count) => count === 1)).toBe(true)
        expect(sizes.size).toBe(1)
      }),
      { numRuns: 50 },
    )
  })

  it.each([2, 3])('make the same picture as the whole image at once, ×%i', async (scale) => {
    using model = network({ scale, features: 4, blocks: 1 })
    const image = drawScene(33, 41, seeded('tiles'))
    const before = tf.memory().numTensors
    const whole = await upscaleTiled({ network: model, reach: 4 }, image, { tile: 64 })
    const seen: [number, number][] = []
    const tiled = await upscaleTiled({ network: model, reach: 4 }, image, {
      tile: 16,
      onTile: (done, of) => seen.push([done, of]),
    })
    expect([whole.height, whole.width]).toEqual([33 * scale, 41 * scale])
    expect(seen.at(-1)).toEqual([seen.length, seen.length])
    expect(seen.length).toBeGreaterThan(12)
    // Sums of other lengths round differently now and then.
    const differences = whole.pixels.map((value, i) => Math.abs(value - tiled.pixels[i]!))
    expect(Math.max(...differences)).toBeLessThanOrEqual(1)
    expect(differences.filter((difference) => difference > 0).length).toBeLessThan(whole.pixels.length / 1000)
    // Without overlap the seams show: the test above could fail.
    const seams = await upscaleTiled({ network: model, reach: 4 }, image, { tile: 16, overlap: 0 })
    expect(Math.max(...whole.pixels.map((value, i) => Math.abs(value - seams.pixels[i]!)))).toBeGreaterThan(4)
    expect(tf.memory().numTensors).toBe(before)
  })

  it('bound the memory: a picture of nine times the pixels needs no more tensors', async () => {
    using model = network()
    const most = async (side: number) => {
      let peak = 0
      const upscale: typeof model.upscale = (x, mode) => {
        const y = model.upscale(x, mode)
        peak = Math.max(peak, tf.memory().numBytes)
        return y
      }
      await upscaleTiled({ network: { scale: 2, upscale }, reach: 4 }, drawScene(side, side, seeded(side)), {
        tile: 24,
      })
      return peak
    }
    expect(await most(120)).toBeLessThanOrEqual(1.05 * (await most(40)))
  })

  it('take grey pictures, single pixels and odd sizes', async () => {
    using model = network()
    for (const [height, width] of [
      [1, 1],
      [1, 9],
      [5, 3],
    ] as const) {
      const pixels = Uint8Array.from({ length: height * width }, (_, i) => 20 * i)
      const grey = await upscaleTiled({ network: model, reach: 4 }, picture(height, width, 1, pixels))
      const three = Uint8Array.from({ length: 3 * height * width }, (_, i) => pixels[Math.floor(i / 3)] as number)
      const colour = await upscaleTiled({ network: model, reach: 4 }, picture(height, width, 3, three))
      expect(grey).toEqual(colour)
      expect([grey.height, grey.width, grey.channels]).toEqual([2 * height, 2 * width, 3])
    }
  })

  it('refuse what makes no tiles, and stop when asked', async () => {
    using model = network()
    const image = drawScene(20, 20, seeded(1))
    const with_ = (options: object) => upscaleTiled({ network: model, reach: 4 }, image, options)
    await expect(with_({ tile: 8 })).rejects.toThrow(/ARCHLOOM_OPTION: .*tile" is 8; .*\(9 or more\)/)
    await expect(with_({ overlap: -1 })).rejects.toThrow(/ARCHLOOM_OPTION: .*overlap" is -1/)
    const stop = new AbortController()
    await expect(
      with_({ tile: 9, signal: stop.signal, onTile: () => stop.abort(new Error('enough')) }),
    ).rejects.toThrow('enough')
  })
})

describe('pictures side by side', () => {
  it('stand in a row with white between them', () => {
    const one = picture(2, 1, 1, Uint8Array.of(10, 20))
    const two = picture(2, 2, 3, new Uint8Array(12).fill(7))
    const row = sideBySide([one, two], { gap: 1 })
    expect([row.height, row.width]).toEqual([2, 4])
    expect([...row.pixels.subarray(0, 12)]).toEqual([10, 10, 10, 255, 255, 255, 7, 7, 7, 7, 7, 7])
    expect(() => sideBySide([one, picture(1, 1, 1, Uint8Array.of(0))])).toThrow(/ARCHLOOM_OPTION: .*one height/)
  })
})
