import { optionError, optionNames } from '../../core/options/index.ts'
import { type Picture, picture, toRgb } from '../data/images/picture.ts'

const sideBySideNames = optionNames<{ readonly gap?: number }>('sideBySide', { gap: true })

/** Puts images of the same height next to each other, with white columns between them. Error: ARCHLOOM_OPTION. */
export function sideBySide(pictures: readonly Picture[], given: { readonly gap?: number } = {}): Picture {
  const { gap = 4 } = sideBySideNames(given)
  const heights = [...new Set(pictures.map(({ height }) => height))]
  const [height] = heights
  if (height === undefined || heights.length > 1)
    throw optionError('sideBySide', 'pictures', heights, 'pictures of one height')
  const width = pictures.reduce((sum, each) => sum + each.width, 0) + gap * (pictures.length - 1)
  const pixels = new Uint8Array(height * width * 3).fill(255)
  let left = 0
  for (const each of pictures.map(toRgb)) {
    for (let y = 0; y < height; y++)
      pixels.set(each.pixels.subarray(y * each.width * 3, (y + 1) * each.width * 3), (y * width + left) * 3)
    left += each.width + gap
  }
  return picture(height, width, 3, pixels)
}
