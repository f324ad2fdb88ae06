import { optionNames } from '../../core/options/index.ts'
import type { Random } from '../../core/random.ts'
import { error } from './errors.ts'

/** Random changes of training images, drawn for every batch. */
export interface Augmentation {
  /** Random crop: the image moves by up to `padding` pixels each way; uncovered pixels are black. */
  readonly crop?: { readonly padding: number }
  /** Whether to mirror images left to right with probability one half. */
  readonly flip?: boolean
  /** A square of this side is set to the channel means (DeVries & Taylor, 2017); its centre is anywhere in the image. */
  readonly cutout?: number
}

const augmentNames = optionNames<Augmentation>('augment', { crop: true, flip: true, cutout: true })
const cropNames = optionNames<NonNullable<Augmentation['crop']>>('crop of augment', { padding: true })

/** Errors: ARCHLOOM_AUGMENTATION, ARCHLOOM_OPTION for an unknown name. */
export function checkAugmentation(given: Augmentation, height: number, width: number): void {
  const { crop, flip, cutout } = augmentNames(given)
  if (crop) cropNames(crop)
  const side = Math.min(height, width)
  if (flip !== undefined && typeof flip !== 'boolean')
    throw error('ARCHLOOM_AUGMENTATION', { option: 'flip', received: flip, expected: 'true or false' })
  if (crop && !whole(crop.padding, 0, side - 1))
    throw error('ARCHLOOM_AUGMENTATION', {
      option: 'crop.padding',
      received: crop.padding,
      expected: `a whole number from 0 to ${side - 1}`,
    })
  if (cutout !== undefined && !whole(cutout, 0, 2 * side))
    throw error('ARCHLOOM_AUGMENTATION', {
      option: 'cutout',
      received: cutout,
      expected: `a whole number from 0 to ${2 * side}`,
    })
}

const whole = (value: unknown, least: number, most: number) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most

/** Pixels of one image size, and the table that turns bytes into floats. */
export interface ImageLayout {
  readonly height: number
  readonly width: number
  readonly channels: number
  /** [channels, 256]. */
  readonly table: Float32Array
}

/** Writes the image at byte offset `from` as normalised floats at offset `to`. */
export function writeImage(pixels: Uint8Array, from: number, out: Float32Array, to: number, layout: ImageLayout): void {
  const { height, width, channels, table } = layout
  const end = from + height * width * channels
  if (channels === 1) {
    while (from < end) out[to++] = table[pixels[from++] as number] as number
    return
  }
  if (channels === 3) {
    for (; from < end; from += 3, to += 3) {
      out[to] = table[pixels[from] as number] as number
      out[to + 1] = table[256 + pixels[from + 1]!] as number
      out[to + 2] = table[512 + pixels[from + 2]!] as number
    }
    return
  }
  for (; from < end; from += channels, to += channels)
    for (let c = 0; c < channels; c++) out[to + c] = table[256 * c + pixels[from + c]!] as number
}

/** Like writeImage, with random crop, flip and cutout. It draws the same number of random numbers for every image. */
export function writeAugmented(
  pixels: Uint8Array,
  from: number,
  out: Float32Array,
  to: number,
  layout: ImageLayout,
  { crop, flip, cutout }: Augmentation,
  rng: Random,
): void {
  const { height, width, channels, table } = layout
  const padding = crop?.padding ?? 0
  const down = padding ? rng.int(2 * padding + 1) - padding : 0
  const right = padding ? rng.int(2 * padding + 1) - padding : 0
  const mirror = flip ? rng.int(2) === 1 : false
  const step = mirror ? -channels : channels
  let at = to
  for (let y = 0; y < height; y++) {
    const row = y + down
    const inside = row >= 0 && row < height
    let x = mirror ? right + width - 1 : right
    let source = from + (row * width + x) * channels
    const direction = mirror ? -1 : 1
    for (let i = 0; i < width; i++, x += direction, source += step) {
      const black = !inside || x < 0 || x >= width
      for (let c = 0; c < channels; c++) out[at++] = table[256 * c + (black ? 0 : pixels[source + c]!)] as number
    }
  }
  if (cutout) eraseSquare(out, to, layout, cutout, rng)
}

/** Erases a square: after normalisation, 0 is the mean of the channel. */
function eraseSquare(out: Float32Array, to: number, layout: ImageLayout, side: number, rng: Random): void {
  const { height, width, channels } = layout
  const top = rng.int(height) - (side >> 1)
  const left = rng.int(width) - (side >> 1)
  const first = Math.max(0, left) * channels
  const last = Math.min(width, left + side) * channels
  for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
    const row = to + y * width * channels
    out.fill(0, row + first, row + last)
  }
}
