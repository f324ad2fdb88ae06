import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { drawScene } from '../../../evaluators/data/images/index.ts'
import { type Enlarger, enlargerOf, reachOf, selfEnsembled, upscaleTiled } from '../../../evaluators/upscaling/index.ts'
import { selfEnsemble } from '../../../search-spaces/super-resolution/index.ts'
import { network } from './models.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

/** Doubles each pixel, and keeps what sizes it was given. */
function doubling(size?: Enlarger['size']) {
  const seen: string[] = []
  const enlarger: Enlarger = {
    scale: 2,
    ...(size && { size }),
    async enlarge(values, height, width) {
      seen.push(`${height}×${width}`)
      const out = new Float32Array(values.length * 4)
      for (let y = 0; y < 2 * height; y++)
        for (let x = 0; x < 2 * width; x++)
          for (let c = 0; c < 3; c++) out[(y * 2 * width + x) * 3 + c] = values[((y >> 1) * width + (x >> 1)) * 3 + c]!
      return out
    },
  }
  return { enlarger, seen }
}

const nearest = (image: { height: number; width: number; pixels: ArrayLike<number> }) => {
  const out: number[] = []
  for (let y = 0; y < 2 * image.height; y++)
    for (let x = 0; x < 2 * image.width; x++)
      for (let c = 0; c < 3; c++) out.push(image.pixels[((y >> 1) * image.width + (x >> 1)) * 3 + c]!)
  return out
}

describe('enlargers', () => {
  it('that average over symmetries compute what the self-ensemble of the network does', async () => {
    using made = network()
    const ensemble = selfEnsemble((x, mode) => made.upscale(x, mode))
    const image = drawScene(7, 10, seeded('symmetries'))
    const values = Float32Array.from(image.pixels)
    const ours = await selfEnsembled(made).enlarge(values, 7, 10)
    const expected = tf.tidy(() => ensemble(tf.tensor4d(values, [1, 7, 10, 3]), { training: false }).dataSync())
    expect(ours.length).toBe(expected.length)
    expected.forEach((value, i) => {
      expect(Math.abs(value - ours[i]!)).toBeLessThan(1e-2)
    })
    expect(Array.from(await enlargerOf(made).enlarge(values, 7, 10))).not.toEqual([...expected])
  })

  it('of one size get tiles of that size, with the edge repeated where the image ends', async () => {
    for (const [height, width] of [
      [3, 4],
      [8, 8],
      [9, 8],
      [21, 30],
    ] as const) {
      const { enlarger, seen } = doubling({ height: 8, width: 8 })
      const image = drawScene(height, width, seeded(`${height}`))
      const large = await upscaleTiled({ network: enlarger, reach: 2 }, image)
      expect([...large.pixels]).toEqual(nearest(image))
      expect([...new Set(seen)]).toEqual(['8×8'])
    }
    const { enlarger } = doubling({ height: 8, width: 20 })
    await expect(upscaleTiled({ network: enlarger, reach: 4 }, drawScene(4, 4, seeded(1)))).rejects.toThrow(
      /ARCHLOOM_OPTION.*overlap.*less than half of 8×20/,
    )
    // Turned tiles would have another size, so four symmetries are used.
    const wide = doubling({ height: 8, width: 20 })
    const image = drawScene(8, 20, seeded('wide'))
    const same = await upscaleTiled({ network: selfEnsembled(wide.enlarger), reach: 0 }, image)
    expect([wide.seen.length, [...same.pixels]]).toEqual([4, nearest(image)])
  })

  it('give 16 bits for 16 bits, grey as three channels', async () => {
    const { enlarger } = doubling()
    const pixels = Uint16Array.from({ length: 30 }, (_, i) => (9001 * i) % 65_536)
    const image = { height: 5, width: 6, channels: 1, pixels } as const
    const large = await upscaleTiled({ network: enlarger, reach: 0 }, image, { tile: 3 })
    expect(large.pixels).toBeInstanceOf(Uint16Array)
    const three = { height: 5, width: 6, pixels: [...pixels].flatMap((value) => [value, value, value]) }
    expect([...large.pixels]).toEqual(nearest(three))
  })

  it('tell their reach', async () => {
    expect(await reachOf(doubling().enlarger)).toBe(0)
    using made = network()
    expect(await reachOf(made)).toBe(4)
  })
})
