import type { Random } from '../../../core/random.ts'
import { error } from './errors.ts'
import { checkRows } from './rows.ts'

/** Weights of the five scales (Wang et al. 2003), from fine to coarse. */
const scaleWeights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]

export interface MsSsimOptions {
  /** Difference between the greatest and the least possible value. Default: 2, for images in [−1, 1]. */
  readonly range?: number
  /**
   * Number of scales, 1 to 5. Default: the largest number that leaves sides of at least 4 pixels. The weights are
   * those of the first scales, divided by their sum. The Gaussian window (σ = 1.5) has 11 taps, or fewer on scales
   * with smaller sides.
   */
  readonly scales?: number
}

interface Plane {
  readonly side: readonly [height: number, width: number]
  readonly values: Float64Array
}

function gaussianWindow(taps: number): Float64Array {
  const raw = Float64Array.from({ length: taps }, (_, i) => Math.exp(-((i - (taps - 1) / 2) ** 2) / (2 * 1.5 ** 2)))
  const sum = raw.reduce((a, b) => a + b, 0)
  return raw.map((weight) => weight / sum)
}

/** Windowed mean at every position where the whole window fits. */
function windowed({ side: [height, width], values }: Plane, window: Float64Array): Float64Array {
  const taps = window.length
  const [rows, columns] = [height - taps + 1, width - taps + 1]
  const across = new Float64Array(height * columns)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < columns; x++)
      for (let t = 0; t < taps; t++)
        across[y * columns + x] = across[y * columns + x]! + window[t]! * values[y * width + x + t]!
  const out = new Float64Array(rows * columns)
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      for (let t = 0; t < taps; t++)
        out[y * columns + x] = out[y * columns + x]! + window[t]! * across[(y + t) * columns + x]!
  return out
}

/** Means over all positions of contrast·structure and of luminance·contrast·structure. */
function similarities(a: Plane, b: Plane, range: number): { contrast: number; whole: number } {
  const least = Math.min(11, ...a.side)
  const window = gaussianWindow(least % 2 === 1 ? least : least - 1)
  const product = (x: Plane, y: Plane) => ({ ...x, values: x.values.map((v, i) => v * y.values[i]!) })
  const mean = (plane: Plane) => windowed(plane, window)
  const [meanA, meanB, squareA, squareB, cross] = [a, b, product(a, a), product(b, b), product(a, b)].map(mean) as [
    Float64Array,
    ...Float64Array[],
  ]
  const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2]
  let [contrast, whole] = [0, 0]
  for (const [i, ma] of meanA.entries()) {
    const mb = meanB?.[i] as number
    const variances = (squareA?.[i] as number) - ma * ma + (squareB?.[i] as number) - mb * mb
    const own = (2 * ((cross?.[i] as number) - ma * mb) + c2) / (variances + c2)
    contrast += own / meanA.length
    whole += (own * (2 * ma * mb + c1)) / (ma * ma + mb * mb + c1) / meanA.length
  }
  return { contrast, whole }
}

/** Mean of every 2×2; a last odd row or column is left out. */
function halved({ side: [height, width], values }: Plane): Plane {
  const [rows, columns] = [height >> 1, width >> 1]
  const at = (y: number, x: number) => values[y * width + x] as number
  const out = Float64Array.from({ length: rows * columns }, (_, i) => {
    const [y, x] = [2 * Math.floor(i / columns), 2 * (i % columns)]
    return (at(y, x) + at(y, x + 1) + at(y + 1, x) + at(y + 1, x + 1)) / 4
  })
  return { side: [rows, columns], values: out }
}

/**
 * Multi-scale structural similarity of two images [height, width, channels], mean over channels: 1 for equal images. A
 * similarity below 0 counts as 0. Error: ARCHLOOM_GENERATIVE_METRIC.
 */
export function msSsim(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  shape: readonly number[],
  options: MsSsimOptions = {},
): number {
  const [height = 0, width = 0, channels = 1] = shape
  const size = height * width * channels
  const most = Math.min(5, Math.floor(Math.log2(Math.min(height, width) / 4)) + 1)
  const { range = 2, scales = most } = options
  if (a.length !== size || b.length !== size || !(scales >= 1 && scales <= most && Number.isInteger(scales)))
    throw error('ARCHLOOM_GENERATIVE_METRIC', {
      metric: 'msSsim',
      received: `${a.length} and ${b.length} values of shape [${shape.join(', ')}] at ${scales} scales`,
      expected: `two images of ${size} values, with sides of at least 4 at every one of 1 to 5 scales`,
    })
  const total = scaleWeights.slice(0, scales).reduce((sum, weight) => sum + weight, 0)
  let mean = 0
  for (let c = 0; c < channels; c++) {
    const plane = (x: ArrayLike<number>): Plane => ({
      side: [height, width],
      values: Float64Array.from({ length: height * width }, (_, i) => x[i * channels + c] as number),
    })
    let [pa, pb, value] = [plane(a), plane(b), 1]
    for (let scale = 0; scale < scales; scale++) {
      const { contrast, whole } = similarities(pa, pb, range)
      const last = scale === scales - 1
      value *= Math.max(0, last ? whole : contrast) ** (scaleWeights[scale]! / total)
      if (!last) [pa, pb] = [halved(pa), halved(pb)]
    }
    mean += value / channels
  }
  return mean
}

/**
 * Diversity as similarity (the protocol of AC-GAN): mean MS-SSIM of random pairs of images; lower is more diverse.
 * @param images Flat [count, height, width, channels]. Error: ARCHLOOM_GENERATIVE_METRIC.
 */
export function pairSimilarity(
  images: Float32Array,
  shape: readonly number[],
  options: MsSsimOptions & { readonly rng: Random; readonly pairs?: number },
): number {
  const size = shape.reduce((x, y) => x * y, 1)
  const count = checkRows('pairSimilarity', images, size, 2)
  const { rng, pairs = 100 } = options
  let sum = 0
  for (let i = 0; i < pairs; i++) {
    const first = rng.int(count)
    const second = (first + 1 + rng.int(count - 1)) % count
    const at = (n: number) => images.subarray(n * size, (n + 1) * size)
    sum += msSsim(at(first), at(second), shape, options) / pairs
  }
  return sum
}
