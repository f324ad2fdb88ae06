import { optionError } from '../../../core/options/index.ts'
import { type Picture, sizeOf } from './picture.ts'

export interface ResizeTarget {
  /** In pixels. */
  readonly height: number
  /** In pixels. */
  readonly width: number
  /**
   * How an image of another shape becomes this one: 'fill' stretches it, 'cover' cuts off what protrudes on both sides,
   * 'contain' adds black on both sides. Default 'fill'.
   */
  readonly fit?: 'fill' | 'cover' | 'contain'
}

/** Largest side of a resized image, in pixels. */
const LARGEST = 65_535

/** The cubic of Keys (1981) with a = −1/2. */
function keys(x: number): number {
  const t = Math.abs(x)
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0
}

/** Weights are whole multiples of 2⁻²² (8 bits of a value, two of headroom in 32), which makes results exact. */
const UNIT = 2 ** 22

/** For each output position the first input position that counts, and whole weights over UNIT. */
interface Tap {
  readonly first: number
  readonly weights: Float64Array
}

/**
 * One axis: output i lies at start + (i + ½)·extent/outputs − ½ of the input, so both images cover the same area. When
 * shrinking, the kernel is widened by the factor. Weights of positions outside the image are left out.
 */
function tapsOf(inputs: number, outputs: number, start: number, extent: number): readonly Tap[] {
  const step = extent / outputs
  const stretch = Math.max(1, step)
  const support = 2 * stretch
  return Array.from({ length: outputs }, (_, output) => {
    const centre = start + (output + 0.5) * step
    const first = Math.max(0, Math.trunc(centre - support + 0.5))
    const end = Math.min(inputs, Math.trunc(centre + support + 0.5))
    const raw = Float64Array.from({ length: end - first }, (_, i) => keys((first + i - centre + 0.5) / stretch))
    const sum = raw.reduce((a, b) => a + b, 0)
    return { first, weights: raw.map((weight) => Math.sign(weight) * Math.trunc(Math.abs(weight / sum) * UNIT + 0.5)) }
  })
}

const byte = (sum: number) => Math.min(255, Math.max(0, Math.floor((sum + UNIT / 2) / UNIT)))

function resampleColumns({ height, width, channels, pixels }: Picture, taps: readonly Tap[]): Picture {
  const out = new Uint8Array(height * taps.length * channels)
  let to = 0
  for (let y = 0; y < height; y++)
    for (const { first, weights } of taps)
      for (let c = 0; c < channels; c++) {
        let at = (y * width + first) * channels + c
        let sum = 0
        for (let i = 0; i < weights.length; i++, at += channels) sum += weights[i]! * pixels[at]!
        out[to++] = byte(sum)
      }
  return { height, width: taps.length, channels, pixels: out }
}

function resampleRows({ width, channels, pixels }: Picture, taps: readonly Tap[]): Picture {
  const line = width * channels
  const out = new Uint8Array(taps.length * line)
  let to = 0
  for (const { first, weights } of taps)
    for (let x = 0; x < line; x++) {
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * pixels[x + (first + i) * line]!
      out[to++] = byte(sum)
    }
  return { height: taps.length, width, channels, pixels: out }
}

/** A part of the image, in pixels that need not be whole. */
interface Part {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

function resample(image: Picture, height: number, width: number, part: Part): Picture {
  const whole = (start: number, extent: number, inputs: number, outputs: number) =>
    start === 0 && extent === inputs && inputs === outputs
  const across = whole(part.left, part.width, image.width, width)
    ? image
    : resampleColumns(image, tapsOf(image.width, width, part.left, part.width))
  return whole(part.top, part.height, image.height, height)
    ? across
    : resampleRows(across, tapsOf(image.height, height, part.top, part.height))
}

/** On black, as far from the left as from the right (a left-over pixel goes to the right and the bottom). */
function pad(image: Picture, height: number, width: number): Picture {
  const { channels } = image
  const [top, left] = [Math.floor((height - image.height) / 2), Math.floor((width - image.width) / 2)]
  const pixels = new Uint8Array(height * width * channels)
  for (let y = 0; y < image.height; y++) {
    const line = image.pixels.subarray(y * image.width * channels, (y + 1) * image.width * channels)
    pixels.set(line, ((top + y) * width + left) * channels)
  }
  return { height, width, channels, pixels }
}

/**
 * Brings an image to another size by bicubic interpolation (a = −1/2) with half-pixel centres, so that nothing moves;
 * when shrinking, the kernel is widened by the factor (antialiasing). Rows first, then columns, rounded to bytes after
 * each. The result is that of Pillow's `Image.resize(size, BICUBIC)`, and for 'cover' of its `ImageOps.fit`: byte for
 * byte where Pillow resizes the rows first as well, and within two grey levels where it takes the columns first.
 * Error: ARCHLOOM_OPTION.
 */
export function resizeImage(image: Picture, { height, width, fit = 'fill' }: ResizeTarget): Picture {
  for (const [option, received] of Object.entries({ height, width }))
    if (!Number.isInteger(received) || received < 1 || received > LARGEST)
      throw optionError('resize', option, received, `a whole number of pixels from 1 to ${LARGEST}`)
  const all = { top: 0, left: 0, height: image.height, width: image.width }
  if (fit === 'fill') return resample(image, height, width, all)
  const [vertical, horizontal] = [height / image.height, width / image.width]
  if (fit === 'cover') {
    const scale = Math.max(vertical, horizontal)
    const part = {
      height: vertical === scale ? image.height : height / scale,
      width: horizontal === scale ? image.width : width / scale,
    }
    const [top, left] = [(image.height - part.height) / 2, (image.width - part.width) / 2]
    return resample(image, height, width, { ...part, top, left })
  }
  if (fit === 'contain') {
    const scale = Math.min(vertical, horizontal)
    const inside = (size: number, of: number) => Math.min(of, Math.max(1, Math.round(size * scale)))
    return pad(resample(image, inside(image.height, height), inside(image.width, width), all), height, width)
  }
  throw optionError('resize', 'fit', fit, `'fill', 'cover' or 'contain' for an image of ${sizeOf(image)}`)
}
