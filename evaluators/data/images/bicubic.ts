import { optionError } from '../../../core/options/index.ts'
import { error } from './errors.ts'
import { cropToMultiple, type Picture, sizeOf } from './picture.ts'

/** Values outside the image: the outermost pixel, or the image mirrored with that pixel repeated. */
export type Border = 'replicate' | 'symmetric'

/** How one output value is computed from a line of input values. */
export interface ResizeRow {
  /** Input positions; may repeat at the border. */
  readonly positions: readonly number[]
  /** Weights of the positions; their sum is 1. */
  readonly weights: readonly number[]
}

/** The cubic of Keys (1981) with a = −1/2. */
function keys(x: number): number {
  const t = Math.abs(x)
  if (t <= 1) return (1.5 * t - 2.5) * t * t + 1
  return t <= 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0
}

/** Maps a position outside 0 … n − 1 into the image, by the rule of the border. */
function within(i: number, n: number, border: Border): number {
  if (border === 'replicate') return Math.min(n - 1, Math.max(0, i))
  const period = ((i % (2 * n)) + 2 * n) % (2 * n)
  return period < n ? period : 2 * n - 1 - period
}

/**
 * One axis of MATLAB's `imresize(…, 'bicubic')`: half-pixel centres, with the kernel stretched by the factor when
 * shrinking (antialiasing), and every row normalised.
 */
export function bicubicRows(inputs: number, outputs: number, scale: number, border: Border): readonly ResizeRow[] {
  const stretch = Math.min(1, scale)
  const support = 4 / stretch
  const taps = Math.ceil(support) + 2
  return Array.from({ length: outputs }, (_, output) => {
    const centre = (output + 0.5) / scale - 0.5
    const first = Math.floor(centre - support / 2)
    const reach = Array.from({ length: taps }, (_, tap) => first + tap)
    const raw = reach.map((i) => stretch * keys(stretch * (centre - i)))
    const sum = raw.reduce((a, b) => a + b, 0)
    const kept = raw.flatMap((weight, tap) => (weight === 0 ? [] : [tap]))
    return {
      positions: kept.map((tap) => within(reach[tap] as number, inputs, border)),
      weights: kept.map((tap) => raw[tap]! / sum),
    }
  })
}

/** The same rows as a dense matrix [outputs, inputs], row-major, for engines. */
export function bicubicMatrix(inputs: number, outputs: number, scale: number, border: Border): Float32Array {
  const matrix = new Float32Array(outputs * inputs)
  bicubicRows(inputs, outputs, scale, border).forEach(({ positions, weights }, row) => {
    positions.forEach((position, tap) => {
      matrix[row * inputs + position] = matrix[row * inputs + position]! + weights[tap]!
    })
  })
  return matrix
}

export interface ResizeOptions {
  readonly height: number
  readonly width: number
  /** Output size divided by input size, for both axes. */
  readonly scale: number
  readonly border: Border
  /** Whether to round to bytes between the vertical and the horizontal pass, as the published images were made. */
  readonly roundBetween: boolean
}

// Adds a tiny amount, so that sums of exact halves are not rounded down.
const rounded = (sum: number) => Math.floor(sum + 0.5 + 1e-9)

/**
 * Resizes vertically, then horizontally, one row of the result after the other. Values are rounded half up and clamped
 * to bytes.
 */
export function resizeBicubic(image: Picture, options: ResizeOptions): Picture {
  const { height, width, scale, border, roundBetween } = options
  const { channels, pixels: source } = image
  const line = image.width * channels
  const down = bicubicRows(image.height, height, scale, border)
  const across = bicubicRows(image.width, width, scale, border)
  // Only one row is held between the passes, so large images need little extra memory.
  const between = roundBetween ? new Uint8ClampedArray(line) : new Float64Array(line)
  const pixels = new Uint8ClampedArray(height * width * channels)
  let to = 0
  for (const { positions, weights } of down) {
    for (let x = 0; x < line; x++) {
      let sum = 0
      for (let tap = 0; tap < weights.length; tap++)
        sum += weights[tap]! * source[x + (positions[tap] as number) * line]!
      between[x] = roundBetween ? rounded(sum) : sum
    }
    for (const { positions: columns, weights: shares } of across)
      for (let c = 0; c < channels; c++) {
        let sum = 0
        for (let tap = 0; tap < shares.length; tap++)
          sum += shares[tap]! * between[c + (columns[tap] as number) * channels]!
        pixels[to++] = rounded(sum)
      }
  }
  return { height, width, channels, pixels: new Uint8Array(pixels.buffer) }
}

/** Checks that a scale of super-resolution is a small whole number. Error: ARCHLOOM_OPTION. */
export function checkScale(where: string, scale: number): number {
  if (!Number.isInteger(scale) || scale < 1 || scale > 16)
    throw optionError(where, 'scale', scale, 'a whole number from 1 to 16')
  return scale
}

/**
 * The low-resolution image of the benchmarks (Set5, Set14, BSD100, Urban100 of Huang et al., CVPR 2015), byte for byte:
 * the image cut to multiples of the scale, shrunk by MATLAB's bicubic with the edge repeated, and rounded to bytes after
 * each of the two passes. Errors: ARCHLOOM_OPTION, ARCHLOOM_PICTURE_PIXELS for images smaller than the scale.
 */
export function downscaleBicubic(image: Picture, scale: number): Picture {
  checkScale('downscaleBicubic', scale)
  if (image.height < scale || image.width < scale)
    throw error('ARCHLOOM_PICTURE_PIXELS', {
      where: 'downscaleBicubic()',
      received: `an image of ${sizeOf(image)} pixels`,
      expected: `at least ${scale}×${scale} at scale ${scale}`,
    })
  const whole = cropToMultiple(image, scale)
  const [height, width] = [whole.height / scale, whole.width / scale]
  return resizeBicubic(whole, { height, width, scale: 1 / scale, border: 'replicate', roundBetween: true })
}

/** The baseline of super-resolution tables: enlarges by MATLAB's bicubic with a mirrored border, rounded once. */
export function upscaleBicubic(image: Picture, scale: number): Picture {
  checkScale('upscaleBicubic', scale)
  const [height, width] = [image.height * scale, image.width * scale]
  return resizeBicubic(image, { height, width, scale, border: 'symmetric', roundBetween: false })
}
