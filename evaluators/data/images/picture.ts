import { error } from './errors.ts'

/** An image in memory: row by row, with the channels of a pixel next to each other. */
export interface Picture {
  readonly height: number
  readonly width: number
  /** 3: red, green, blue. 1: grey. */
  readonly channels: 1 | 3
  /** [height, width, channels], 0 to 255. */
  readonly pixels: Uint8Array
}

export const sizeOf = ({ height, width }: Pick<Picture, 'height' | 'width'>): string => `${height}×${width}`

/** Checks sizes and the number of bytes. Error: ARCHLOOM_PICTURE_PIXELS. */
export function picture(height: number, width: number, channels: 1 | 3, pixels: Uint8Array): Picture {
  const whole = (n: number) => Number.isInteger(n) && n >= 1
  if (
    !whole(height) ||
    !whole(width) ||
    (channels !== 1 && channels !== 3) ||
    pixels.length !== height * width * channels
  )
    throw error('ARCHLOOM_PICTURE_PIXELS', {
      where: 'picture()',
      received: `${height}×${width}×${channels} with ${pixels.length} bytes`,
      expected: 'whole positive sizes, 1 or 3 channels, and height · width · channels bytes',
    })
  return { height, width, channels, pixels }
}

/** Cuts out height × width pixels whose top left corner is at (top, left). Error: ARCHLOOM_PICTURE_PIXELS. */
export function crop(image: Picture, top: number, left: number, height: number, width: number): Picture {
  const inside = top >= 0 && left >= 0 && height >= 1 && width >= 1
  if (!inside || top + height > image.height || left + width > image.width)
    throw error('ARCHLOOM_PICTURE_PIXELS', {
      where: 'crop()',
      received: `${height}×${width} at (${top}, ${left})`,
      expected: `a part of ${sizeOf(image)} pixels`,
    })
  const { channels } = image
  const pixels = new Uint8Array(height * width * channels)
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * channels
    pixels.set(image.pixels.subarray(from, from + width * channels), y * width * channels)
  }
  return { height, width, channels, pixels }
}

/**
 * Cuts the image at the bottom and right so that both sizes are multiples of n ("mod-crop"). Throws if nothing would
 * be left.
 */
export const cropToMultiple = (image: Picture, n: number): Picture =>
  image.height % n === 0 && image.width % n === 0
    ? image
    : crop(image, 0, 0, image.height - (image.height % n), image.width - (image.width % n))

/** One of the eight symmetries of the square: mirrored left to right, then upside down, then transposed. */
export interface Symmetry {
  readonly mirror: boolean
  readonly flip: boolean
  readonly transpose: boolean
}

/** All eight symmetries, the identity first. Augmentation draws one of them; self-ensembles average over all. */
export const symmetries: readonly Symmetry[] = [false, true].flatMap((transpose) =>
  [false, true].flatMap((flip) => [false, true].map((mirror) => ({ mirror, flip, transpose }))),
)

/** Applies a symmetry. It only moves pixels. */
export function transformed(image: Picture, { mirror, flip, transpose }: Symmetry): Picture {
  const { height, width, channels } = image
  const [rows, columns] = transpose ? [width, height] : [height, width]
  const pixels = new Uint8Array(image.pixels.length)
  let to = 0
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const [y, x] = transpose ? [j, i] : [i, j]
      const from = ((flip ? height - 1 - y : y) * width + (mirror ? width - 1 - x : x)) * channels
      for (let c = 0; c < channels; c++) pixels[to++] = image.pixels[from + c] as number
    }
  return { height: rows, width: columns, channels, pixels }
}

/** Repeats a grey image as red, green and blue; colour images are returned unchanged. */
export function toRgb(image: Picture): Picture {
  if (image.channels === 3) return image
  const pixels = new Uint8Array(image.pixels.length * 3)
  for (let i = 0; i < image.pixels.length; i++) pixels.fill(image.pixels[i] as number, 3 * i, 3 * i + 3)
  return { ...image, channels: 3, pixels }
}
