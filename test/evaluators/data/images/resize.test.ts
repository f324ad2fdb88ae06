import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  encodePicture,
  type Picture,
  picture,
  resizeImage,
  transformed,
  writePicture,
} from '../../../../evaluators/data/images/index.ts'
import { readFrames, readImageFolder } from '../../../../evaluators/data/index.ts'

/** A fixed pattern that is made alike in Python: the ANSI C generator, bits 16 to 23. */
function pattern(height: number, width: number, channels: 1 | 3): Picture {
  let state = 1n
  const next = () => {
    state = (state * 1103515245n + 12345n) % 2147483648n
    return Number(state >> 16n) & 255
  }
  return picture(height, width, channels, Uint8Array.from({ length: height * width * channels }, next))
}
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')
/** Mean position of the brightness, in units of the image's width. */
function centreOf({ height, width, channels, pixels }: Picture): readonly [y: number, x: number] {
  let [sum, down, across] = [0, 0, 0]
  for (let i = 0; i < pixels.length; i++) {
    const [y, x] = [Math.floor(i / channels / width), Math.floor(i / channels) % width]
    sum += pixels[i]!
    down += pixels[i]! * (y + 0.5)
    across += pixels[i]! * (x + 0.5)
  }
  return [down / sum / height, across / sum / width]
}

describe('resizing', () => {
  // Image.resize((W, H), BICUBIC) and ImageOps.fit of Pillow 13.0.0 on that pattern.
  it.each([
    [5, 7, 3, 10, 14, 'd1a6c24e122166c85d163af35dd28ac1', 'd1a6c24e122166c85d163af35dd28ac1'],
    [5, 7, 1, 13, 9, 'b48579bca11af76ff21324dd8293c882', '5a686b6b30da5a9e050c9fe8611784f2'],
    [8, 8, 3, 3, 5, '867434b17c04b1a35cd67185ee793e45', 'c45189d8825794d16909dcfc16ddd573'],
    [1, 1, 3, 4, 4, '9940c0b9fd66542d4b450b31053ae05f', '9940c0b9fd66542d4b450b31053ae05f'],
    [6, 5, 1, 6, 11, '74c47086ff7f78bfc8c0debf6c88867d', 'f16837d03d7d4face0c776bbc7a2c7fc'],
    [3, 200, 1, 17, 9, '37dc4d2acfb13f7ac9c802079882976b', '0d0f3ab8218f81cc2de041c9bd22d580'],
  ] as const)('of %i×%i×%i to %i×%i gives the bytes of Pillow', (h, w, channels, height, width, filled, covered) => {
    const image = pattern(h, w, channels)
    expect(md5(resizeImage(image, { height, width }).pixels)).toBe(filled)
    expect(md5(resizeImage(image, { height, width, fit: 'cover' }).pixels)).toBe(covered)
  })

  it('gives hand-computed values', () => {
    const line = (...pixels: number[]) => picture(1, pixels.length, 1, Uint8Array.from(pixels))
    expect([...resizeImage(line(0, 0, 255, 255), { height: 1, width: 8 }).pixels]).toEqual([
      0, 0, 0, 52, 203, 255, 255, 255,
    ])
    expect([...resizeImage(line(10, 60, 200, 30, 90, 250), { height: 1, width: 3 }).pixels]).toEqual([55, 105, 153])
  })

  it('is centred at every size: a mirrored image gives the mirrored result, and a ramp keeps its values', () => {
    const image = pattern(6, 9, 3)
    for (const size of [1, 2, 3, 5, 6, 7, 12, 13, 18, 25, 36])
      for (const fit of ['fill', 'cover'] as const)
        for (const way of [
          { mirror: true, flip: false, transpose: false },
          { mirror: false, flip: true, transpose: false },
        ]) {
          const target = { height: size, width: size + 1, fit }
          const there = transformed(resizeImage(image, target), way)
          const other = resizeImage(transformed(image, way), target)
          there.pixels.forEach((value, i) => {
            expect(Math.abs(value - other.pixels[i]!), `${fit} ${size}`).toBeLessThanOrEqual(1)
          })
        }
    // The ramp 8x + 4 taken at the centre of each pixel: x = (i + ½) / 4 − ½ after ×4.
    const ramp = picture(
      1,
      31,
      1,
      Uint8Array.from({ length: 31 }, (_, x) => 8 * x + 4),
    )
    const large = resizeImage(ramp, { height: 1, width: 124 }).pixels
    for (let i = 12; i < 112; i++) expect(large[i]).toBe(Math.floor(8 * ((i + 0.5) / 4 - 0.5) + 4 + 0.5))
  })

  it('lies where the half-pixel bilinear of TensorFlow lies', () => {
    const smooth = picture(
      8,
      8,
      1,
      Uint8Array.from({ length: 64 }, (_, i) => 128 + 100 * Math.sin(i / 9) * Math.cos(i % 8)),
    )
    tf.tidy(() => {
      const input = tf.tensor4d([...smooth.pixels], [1, 8, 8, 1])
      const bilinear = tf.image.resizeBilinear(input, [32, 32], false, true).dataSync()
      const ours = resizeImage(smooth, { height: 32, width: 32 }).pixels
      const error = (shift: number) => {
        let sum = 0
        for (let y = 4; y < 28; y++)
          for (let x = 4; x < 28; x++) sum += (ours[y * 32 + x]! - bilinear[y * 32 + x + shift]!) ** 2
        return sum
      }
      expect(error(0)).toBeLessThan(error(1) / 2)
      expect(error(0)).toBeLessThan(error(-1) / 2)
    })
  })

  it('contains the whole image in the middle of black', () => {
    const white = picture(2, 4, 1, new Uint8Array(8).fill(255))
    const { pixels } = resizeImage(white, { height: 8, width: 8, fit: 'contain' })
    const rows = Array.from({ length: 8 }, (_, y) => pixels.subarray(8 * y, 8 * y + 8).join())
    expect(rows).toEqual([0, 0, 255, 255, 255, 255, 0, 0].map((value) => new Array(8).fill(value).join()))
    expect(resizeImage(white, { height: 1, width: 1, fit: 'contain' }).pixels).toEqual(Uint8Array.of(255))
  })

  it.each([{ height: 0 }, { width: 2.5 }, { width: 70_000 }, { fit: 'stretch' as 'fill' }])(
    'to %o is ARCHLOOM_OPTION',
    (wrong) => {
      expect(() => resizeImage(pattern(2, 2, 1), { height: 2, width: 2, ...wrong })).toThrow('ARCHLOOM_OPTION')
    },
  )
})

describe('readers that resize', () => {
  let folder: string
  /** A square in the middle of black: whatever moves it moves the centre of brightness. */
  const square = picture(
    8,
    8,
    3,
    Uint8Array.from({ length: 192 }, (_, i) => {
      const [y, x] = [Math.floor(i / 24), Math.floor(i / 3) % 8]
      return y > 1 && y < 6 && x > 1 && x < 6 ? 200 : 0
    }),
  )
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'archloom-resize-'))
    for (const name of ['a/1.png', 'b/1.png']) await writePicture(join(folder, 'classes', name), square)
    mkdirSync(join(folder, 'jpeg/a'), { recursive: true })
    writeFileSync(join(folder, 'jpeg/a/1.jpg'), await encodePicture(square, 'jpeg'))
    await writePicture(join(folder, 'frames/1.png'), square)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each([2, 4, 7, 11, 16, 31, 32])('leave the middle of the image in the middle at %i pixels', async (size) => {
    for (const fit of ['fill', 'cover', 'contain'] as const)
      for (const channels of [1, 3] as const)
        for (const name of ['classes', 'jpeg']) {
          const resize = { height: size, width: size, fit }
          const { images } = await readImageFolder(join(folder, name), { resize, channels })
          const first = picture(size, size, channels, images.pixels.slice(0, size * size * channels))
          for (const at of centreOf(first)) expect(at, `${fit} ${channels} ${name}`).toBeCloseTo(0.5, 2)
        }
    const [frame] = await readFrames(join(folder, 'frames'), { resize: { height: size, width: size + 3 } })
    for (const at of centreOf(frame as Picture)) expect(at).toBeCloseTo(0.5, 2)
  })
})
