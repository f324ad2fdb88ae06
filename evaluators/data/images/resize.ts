import { optionError, optionNames } from '../../../core/options/index.ts'
import { sizeOf } from './picture.ts'

export interface ResizeTarget {
  /** In pixels. */
  readonly height: number
  /** In pixels. */
  readonly width: number
  /**
   * How an image with another aspect ratio is fitted: 'fill' stretches it, 'cover' cuts off both sides equally,
   * 'contain' adds black on both sides. Default: 'fill'.
   */
  readonly fit?: 'fill' | 'cover' | 'contain'
  /** Interpolation: cubic with a = −1/2, or Lanczos with three lobes, which keeps more detail. Default: 'bicubic'. */
  readonly filter?: Filter
}

type Filter = 'bicubic' | 'lanczos'

/** Refuses unknown names in the option `resize`. Error: ARCHLOOM_OPTION. */
export const resizeNames = optionNames<ResizeTarget>('resize', { height: true, width: true, fit: true, filter: true })

/** An image of one or several channels in 8 or 16 bits. */
interface Samples<P extends Uint8Array | Uint16Array = Uint8Array | Uint16Array> {
  readonly height: number
  readonly width: number
  readonly channels: 1 | 3
  readonly pixels: P
}

/** Largest side of a resized image, in pixels. */
const LARGEST = 65_535

/** The cubic of Keys (1981) with a = −1/2. */
function keys(x: number): number {
  const t = Math.abs(x)
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))
const lanczos = (x: number) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0)

/** The kernels, and how far they reach in positions. */
const filters: Readonly<Record<Filter, { readonly kernel: (x: number) => number; readonly reach: number }>> = {
  bicubic: { kernel: keys, reach: 2 },
  lanczos: { kernel: lanczos, reach: 3 },
}

/** Weights are whole multiples of 2⁻²² (8 bits of a value, two of headroom in 32), which makes results exact. */
const UNIT = 2 ** 22

/** For each output position, the first contributing input position and the weights, as whole multiples of 1 / UNIT. */
interface Tap {
  readonly first: number
  readonly weights: Float64Array
}

/**
 * The taps of one axis: output i lies at start + (i + ½)·extent/outputs − ½ of the input, so both images cover the
 * same area. When shrinking, the kernel is widened by the factor. Weights of positions outside the image are left out.
 */
function tapsOf(inputs: number, outputs: number, start: number, extent: number, filter: Filter): readonly Tap[] {
  const { kernel, reach } = filters[filter]
  const step = extent / outputs
  const stretch = Math.max(1, step)
  const support = reach * stretch
  return Array.from({ length: outputs }, (_, output) => {
    const centre = start + (output + 0.5) * step
    const first = Math.max(0, Math.trunc(centre - support + 0.5))
    const end = Math.min(inputs, Math.trunc(centre + support + 0.5))
    const raw = Float64Array.from({ length: end - first }, (_, i) => kernel((first + i - centre + 0.5) / stretch))
    const sum = raw.reduce((a, b) => a + b, 0)
    return { first, weights: raw.map((weight) => Math.sign(weight) * Math.trunc(Math.abs(weight / sum) * UNIT + 0.5)) }
  })
}

/** An empty image of this many values, and the rounding of sums to them. */
function emptyLike({ pixels }: Samples, count: number) {
  const deep = pixels instanceof Uint16Array
  const most = deep ? 65_535 : 255
  const rounded = (sum: number) => Math.min(most, Math.max(0, Math.floor((sum + UNIT / 2) / UNIT)))
  return { out: deep ? new Uint16Array(count) : new Uint8Array(count), rounded }
}

function resampleColumns(image: Samples, taps: readonly Tap[]): Samples {
  const { height, width, channels, pixels } = image
  const { out, rounded } = emptyLike(image, height * taps.length * channels)
  let to = 0
  for (let y = 0; y < height; y++)
    for (const { first, weights } of taps)
      for (let c = 0; c < channels; c++) {
        let at = (y * width + first) * channels + c
        let sum = 0
        for (let i = 0; i < weights.length; i++, at += channels) sum += weights[i]! * pixels[at]!
        out[to++] = rounded(sum)
      }
  return { height, width: taps.length, channels, pixels: out }
}

function resampleRows(image: Samples, taps: readonly Tap[]): Samples {
  const { width, channels, pixels } = image
  const line = width * channels
  const { out, rounded } = emptyLike(image, taps.length * line)
  let to = 0
  for (const { first, weights } of taps)
    for (let x = 0; x < line; x++) {
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * pixels[x + (first + i) * line]!
      out[to++] = rounded(sum)
    }
  return { height: taps.length, width, channels, pixels: out }
}

/** A part of the image, in possibly fractional pixels. */
interface Part {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

function resample<P extends Uint8Array | Uint16Array>(
  image: Samples<P>,
  height: number,
  width: number,
  part: Part,
  filter: Filter,
): Samples<P> {
  const whole = (start: number, extent: number, inputs: number, outputs: number) =>
    start === 0 && extent === inputs && inputs === outputs
  const across = whole(part.left, part.width, image.width, width)
    ? image
    : resampleColumns(image, tapsOf(image.width, width, part.left, part.width, filter))
  const done = whole(part.top, part.height, image.height, height)
    ? across
    : resampleRows(across, tapsOf(image.height, height, part.top, part.height, filter))
  return { height, width, channels: image.channels, pixels: done.pixels as P }
}

/** Centres the image on black (an odd pixel goes to the right and the bottom). */
function pad<P extends Uint8Array | Uint16Array>(image: Samples<P>, height: number, width: number): Samples<P> {
  const { channels } = image
  const [top, left] = [Math.floor((height - image.height) / 2), Math.floor((width - image.width) / 2)]
  const { out: pixels } = emptyLike(image, height * width * channels)
  for (let y = 0; y < image.height; y++) {
    const line = image.pixels.subarray(y * image.width * channels, (y + 1) * image.width * channels)
    pixels.set(line, ((top + y) * width + left) * channels)
  }
  return { height, width, channels, pixels: pixels as P }
}

/**
 * Resizes an image by bicubic interpolation (a = −1/2) with half-pixel centres, so that the content is not shifted.
 * When shrinking, the kernel is widened by the factor (antialiasing). Rows are resized first, then columns, rounded to
 * bytes after each. The result equals that of Pillow's `Image.resize(size, BICUBIC)`, and for 'cover' that of its
 * `ImageOps.fit`: byte for byte if Pillow also resizes the rows first, and within two grey levels if it starts with
 * the columns. Error: ARCHLOOM_OPTION.
 */
export function resizeImage<P extends Uint8Array | Uint16Array>(
  image: Samples<P>,
  { height, width, fit = 'fill', filter = 'bicubic' }: ResizeTarget,
): Samples<P> {
  for (const [option, received] of Object.entries({ height, width }))
    if (!Number.isInteger(received) || received < 1 || received > LARGEST)
      throw optionError('resize', option, received, `a whole number of pixels from 1 to ${LARGEST}`)
  if (!Object.hasOwn(filters, filter)) throw optionError('resize', 'filter', filter, "'bicubic' or 'lanczos'")
  const all = { top: 0, left: 0, height: image.height, width: image.width }
  if (fit === 'fill') return resample(image, height, width, all, filter)
  const [vertical, horizontal] = [height / image.height, width / image.width]
  if (fit === 'cover') {
    const scale = Math.max(vertical, horizontal)
    const part = {
      height: vertical === scale ? image.height : height / scale,
      width: horizontal === scale ? image.width : width / scale,
    }
    const [top, left] = [(image.height - part.height) / 2, (image.width - part.width) / 2]
    return resample(image, height, width, { ...part, top, left }, filter)
  }
  if (fit === 'contain') {
    const scale = Math.min(vertical, horizontal)
    const inside = (size: number, of: number) => Math.min(of, Math.max(1, Math.round(size * scale)))
    return pad(resample(image, inside(image.height, height), inside(image.width, width), all, filter), height, width)
  }
  throw optionError('resize', 'fit', fit, `'fill', 'cover' or 'contain' for an image of ${sizeOf(image)}`)
}
