import { crop, type Picture, type PicturePair, upscaleBicubic, writePicture } from '../data/images/index.ts'
import { sideBySide } from './side-by-side.ts'

/**
 * Writes the central part of an image, at most `side` pixels wide, in three versions: bicubic, ours, and the original.
 * Makes the folder if needed.
 */
export async function writeComparison(path: string, { lr, hr, scale }: PicturePair, ours: Picture, side = 128) {
  const size = Math.min(side, hr.height, hr.width)
  const [top, left] = [Math.floor((hr.height - size) / 2), Math.floor((hr.width - size) / 2)]
  const parts = [upscaleBicubic(lr, scale), ours, hr].map((image) => crop(image, top, left, size, size))
  await writePicture(path, sideBySide(parts))
}
