import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  crop,
  encodePicture,
  type Picture,
  type PicturePair,
  picture,
  upscaleBicubic,
} from '../../../evaluators/data/images/index.ts'

const GAP = 4

/** Pictures of one size in a row, white between them. */
export function sideBySide(pictures: readonly Picture[]): Picture {
  const [{ height, width }] = pictures as readonly [Picture]
  const whole = pictures.length * (width + GAP) - GAP
  const pixels = new Uint8Array(height * whole * 3).fill(255)
  for (const [at, each] of pictures.entries())
    for (let y = 0; y < height; y++)
      pixels.set(each.pixels.subarray(y * width * 3, (y + 1) * width * 3), (y * whole + at * (width + GAP)) * 3)
  return picture(height, whole, 3, pixels)
}

/** The middle of an image: bicubic, ours, truth. */
export async function writeComparison(path: string, { lr, hr, scale }: PicturePair, ours: Picture, side = 128) {
  const size = Math.min(side, hr.height, hr.width)
  const [top, left] = [Math.floor((hr.height - size) / 2), Math.floor((hr.width - size) / 2)]
  const parts = [upscaleBicubic(lr, scale), ours, hr].map((image) => crop(image, top, left, size, size))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, await encodePicture(sideBySide(parts), 'png'))
}
