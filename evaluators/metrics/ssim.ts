import { optionNames } from '../../core/options/index.ts'
import { luma } from '../data/images/luma.ts'
import type { Picture } from '../data/images/picture.ts'
import { checkPair, checkPlanes, type ImageMetricOptions } from './psnr.ts'

const WINDOW = 11
const C1 = (0.01 * 255) ** 2
const C2 = (0.03 * 255) ** 2

/** A Gaussian with σ = 1.5 and eleven taps whose sum is 1. */
const gaussian: readonly number[] = (() => {
  const raw = Array.from({ length: WINDOW }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * 1.5 ** 2)))
  const sum = raw.reduce((a, b) => a + b, 0)
  return raw.map((weight) => weight / sum)
})()

interface Plane {
  readonly height: number
  readonly width: number
  readonly values: Float64Array
}

/** Windowed mean at every position where the whole window fits, computed along rows, then columns. */
function windowed({ height, width, values }: Plane): Plane {
  const columns = width - WINDOW + 1
  const rows = height - WINDOW + 1
  const across = new Float64Array(height * columns)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < columns; x++) {
      let sum = 0
      for (let tap = 0; tap < WINDOW; tap++) sum += gaussian[tap]! * values[y * width + x + tap]!
      across[y * columns + x] = sum
    }
  const out = new Float64Array(rows * columns)
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      let sum = 0
      for (let tap = 0; tap < WINDOW; tap++) sum += gaussian[tap]! * across[(y + tap) * columns + x]!
      out[y * columns + x] = sum
    }
  return { height: rows, width: columns, values: out }
}

const times = (a: Plane, b: Plane): Plane => ({
  ...a,
  values: a.values.map((value, i) => value * b.values[i]!),
})

function similarity(a: Plane, b: Plane): number {
  const [meanA, meanB] = [windowed(a).values, windowed(b).values]
  const [squareA, squareB, product] = [
    windowed(times(a, a)).values,
    windowed(times(b, b)).values,
    windowed(times(a, b)).values,
  ]
  let sum = 0
  for (let i = 0; i < meanA.length; i++) {
    const [ma, mb] = [meanA[i] as number, meanB[i] as number]
    const varianceA = squareA[i]! - ma * ma
    const varianceB = squareB[i]! - mb * mb
    const covariance = product[i]! - ma * mb
    sum += ((2 * ma * mb + C1) * (2 * covariance + C2)) / ((ma * ma + mb * mb + C1) * (varianceA + varianceB + C2))
  }
  return sum / meanA.length
}

function planes(image: Picture, border: number, on: 'luma' | 'rgb'): Plane[] {
  const [height, width] = [image.height - 2 * border, image.width - 2 * border]
  const inner = (value: (pixel: number) => number): Plane => {
    const values = new Float64Array(height * width)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) values[y * width + x] = value((y + border) * image.width + x + border)
    return { height, width, values }
  }
  if (on === 'luma') {
    const y = luma(image)
    return [inner((pixel) => y[pixel] as number)]
  }
  return Array.from({ length: image.channels }, (_, c) =>
    inner((pixel) => image.pixels[pixel * image.channels + c] as number),
  )
}

const ssimNames = optionNames<ImageMetricOptions>('ssim', { border: true, on: true })

/**
 * Structural similarity (Wang et al., 2004): Gaussian window 11×11 of σ = 1.5, K₁ = 0.01, K₂ = 0.03, range 255,
 * averaged over the positions where the whole window fits. Luma is the unrounded Y. Error: ARCHLOOM_METRIC_IMAGE.
 */
export function ssim(image: Picture, reference: Picture, given: ImageMetricOptions = {}): number {
  const { border = 0, on = 'luma' } = ssimNames(given)
  checkPlanes('ssim', on)
  checkPair('ssim', image, reference, border, WINDOW)
  const others = planes(reference, border, on)
  const each = planes(image, border, on).map((plane, c) => similarity(plane, others[c] as Plane))
  return each.reduce((a, b) => a + b, 0) / each.length
}
