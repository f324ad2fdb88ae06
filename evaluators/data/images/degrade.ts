import { optionError } from '../../../core/options/index.ts'
import type { Random } from '../../../core/random.ts'
import { checkScale, downscaleBicubic } from './bicubic.ts'
import { encodePicture, readPicture } from './files.ts'
import { cropToMultiple, type Picture, picture } from './picture.ts'

/** Square blur kernel, row-major, sum 1. */
export interface BlurKernel {
  /** Side in pixels. If odd, the centre is a pixel; if even, it lies between four pixels. */
  readonly size: number
  readonly weights: Float64Array
  /** The options of a Gaussian kernel. */
  readonly gaussian?: GaussianOptions
}

export interface GaussianOptions {
  /** Standard deviation in pixels; along the first axis if the kernel is elongated. */
  readonly sigma: number
  /** Standard deviation across the first axis. Default: `sigma`. */
  readonly sigmaAcross?: number
  /** Angle of the first axis from the horizontal, in radians. Default: 0. */
  readonly angle?: number
  /** Number of pixels, odd or even. Default 2·⌈3σ⌉ + 1. */
  readonly size?: number
}

const LARGEST_KERNEL = 1001

/** A Gaussian kernel, round or elongated. Error: ARCHLOOM_OPTION. */
export function gaussianKernel(options: GaussianOptions): BlurKernel {
  const { sigma, sigmaAcross = sigma, angle = 0 } = options
  const size = options.size ?? 2 * Math.ceil(3 * Math.max(sigma, sigmaAcross)) + 1
  const check = (option: string, received: number, valid: boolean, expected: string) => {
    if (!valid) throw optionError('gaussianKernel', option, received, expected)
  }
  check('sigma', sigma, sigma > 0 && sigma <= 50, 'a number above 0, at most 50')
  check('sigmaAcross', sigmaAcross, sigmaAcross > 0 && sigmaAcross <= 50, 'a number above 0, at most 50')
  const valid = Number.isInteger(size) && size >= 1 && size <= LARGEST_KERNEL
  check('size', size, valid, `a whole number of pixels from 1 to ${LARGEST_KERNEL}`)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const half = (size - 1) / 2
  const weights = Float64Array.from({ length: size * size }, (_, i) => {
    const [y, x] = [Math.floor(i / size) - half, (i % size) - half]
    return Math.exp(-0.5 * (((x * cos + y * sin) / sigma) ** 2 + ((y * cos - x * sin) / sigmaAcross) ** 2))
  })
  const sum = weights.reduce((a, b) => a + b, 0)
  return { size, weights: weights.map((weight) => weight / sum), gaussian: options }
}

/**
 * Correlates the image with the kernel, with the edge repeated, and rounds to bytes. A kernel of even size has its
 * centre between pixels: pixel (y, x) of the result is the blurred image at (y − ½, x − ½).
 */
export function blur(image: Picture, kernel: BlurKernel): Picture {
  return blurAt(image, kernel, 1)
}

/**
 * Computes the blurred image only at the pixels that downscaleNearest takes. The image's sizes must be multiples of
 * the scale.
 */
function blurAt({ height, width, channels, pixels }: Picture, { size, weights }: BlurKernel, scale: number): Picture {
  const [half, phase] = [Math.floor(size / 2), Math.floor(scale / 2)]
  const [rows, columns] = [height / scale, width / scale]
  const out = new Uint8ClampedArray(rows * columns * channels)
  let to = 0
  for (let y = phase; y < height; y += scale)
    for (let x = phase; x < width; x += scale)
      for (let c = 0; c < channels; c++) {
        let sum = 0
        for (let i = 0; i < size; i++) {
          const row = Math.min(height - 1, Math.max(0, y + i - half)) * width
          for (let j = 0; j < size; j++) {
            const column = Math.min(width - 1, Math.max(0, x + j - half))
            sum += weights[i * size + j]! * pixels[(row + column) * channels + c]!
          }
        }
        out[to++] = sum
      }
  return picture(rows, columns, channels, new Uint8Array(out.buffer))
}

/**
 * Takes one pixel out of every block of scale × scale, the one at (⌊scale/2⌋, ⌊scale/2⌋), like MATLAB's `imresize(…,
 * 'nearest')` without antialiasing. Sizes are cut to multiples first. At even scales no pixel lies at the centre of
 * its block, so the small image is shifted by half a large pixel down and to the right. Error: ARCHLOOM_OPTION.
 */
export function downscaleNearest(image: Picture, scale: number): Picture {
  checkScale('downscaleNearest', scale)
  const whole = cropToMultiple(image, scale)
  const { channels } = whole
  const [height, width] = [whole.height / scale, whole.width / scale]
  const phase = Math.floor(scale / 2)
  const pixels = new Uint8Array(height * width * channels)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = ((y * scale + phase) * whole.width + x * scale + phase) * channels
      pixels.set(whole.pixels.subarray(from, from + channels), (y * width + x) * channels)
    }
  return picture(height, width, channels, pixels)
}

/** Whether the centre of a kernel of this size coincides with the centre of the blocks of downscaleNearest. */
const isCentredAt = (size: number, scale: number) => size % 2 === scale % 2

/**
 * "BD" of the literature: blur, then one pixel of each block of scale × scale, sampled exactly at the block's centre.
 * At even scales the kernel must therefore have an even size, at odd scales an odd one. A Gaussian without a given
 * size gets 2·⌈3σ⌉ + 2 or 2·⌈3σ⌉ + 1 pixels respectively, as in the scripts of RCAN (Zhang et al., 2018), where σ is
 * 1.6. Error: ARCHLOOM_OPTION, also for a kernel whose size does not fit the scale.
 */
export function downscaleBlurred(image: Picture, kernel: BlurKernel | GaussianOptions, scale: number): Picture {
  checkScale('downscaleBlurred', scale)
  return blurAt(cropToMultiple(image, scale), kernelAt(kernel, scale), scale)
}

function kernelAt(kernel: BlurKernel | GaussianOptions, scale: number): BlurKernel {
  const made = 'weights' in kernel ? kernel : gaussianKernel(kernel)
  if (isCentredAt(made.size, scale)) return made
  if (made.gaussian && made.gaussian.size === undefined)
    return gaussianKernel({ ...made.gaussian, size: made.size + 1 })
  throw optionError(
    'downscaleBlurred',
    'the size of the blur kernel',
    made.size,
    `an ${scale % 2 === 0 ? 'even' : 'odd'} number, so that its centre is that of a block of ${scale}×${scale} pixels; any other shifts the image by half a pixel`,
  )
}

/** Adds independent normal noise to every value; `sigma` is in grey levels. */
export function addNoise(image: Picture, sigma: number, rng: Random): Picture {
  const pixels = Uint8ClampedArray.from(image.pixels, (value) => value + sigma * rng.normal())
  return { ...image, pixels: new Uint8Array(pixels.buffer) }
}

/** Encodes the image as JPEG with the given quality and decodes it again; the number of channels is kept. */
export async function throughJpeg(image: Picture, quality: number): Promise<Picture> {
  const bytes = await encodePicture(image, 'jpeg', { quality })
  const { height, width, channels, pixels } = await readPicture(bytes, {
    grey: image.channels === 1 ? 'keep' : 'repeat',
  })
  return picture(height, width, channels, pixels)
}

export interface DegradationOptions {
  readonly scale: number
  /**
   * Blur before shrinking. With 'nearest' it is applied by downscaleBlurred, which needs a kernel whose size fits the
   * scale.
   */
  readonly blur?: BlurKernel | GaussianOptions
  /** Default 'bicubic'. */
  readonly downscale?: 'bicubic' | 'nearest'
  /** Standard deviation in grey levels, after shrinking. */
  readonly noise?: number
  /** JPEG quality, 1 to 100, at the end. */
  readonly jpeg?: number
}

/** Blur, shrink, noise, JPEG, in this order: a model of how a real camera produces a small image. */
export type Degradation = (image: Picture, rng: Random) => Promise<Picture>

/** Error: ARCHLOOM_OPTION. */
export function degradation(options: DegradationOptions): Degradation {
  const { scale, blur: kernel, downscale = 'bicubic', noise = 0, jpeg } = options
  checkScale('degradation', scale)
  if (jpeg !== undefined && !(Number.isInteger(jpeg) && jpeg >= 1 && jpeg <= 100))
    throw optionError('degradation', 'jpeg', jpeg, 'a quality from 1 to 100')
  // Bicubic shrinking is centred, so the blur before it must not shift the image: its kernel is that of scale 1.
  const centred = kernel && kernelAt(kernel, downscale === 'bicubic' ? 1 : scale)
  const shrink = (image: Picture) => {
    if (downscale === 'nearest')
      return centred ? downscaleBlurred(image, centred, scale) : downscaleNearest(image, scale)
    return downscaleBicubic(centred ? blur(image, centred) : image, scale)
  }
  return async (image, rng) => {
    const small = shrink(image)
    const noisy = noise > 0 ? addNoise(small, noise, rng) : small
    return jpeg === undefined ? noisy : throughJpeg(noisy, jpeg)
  }
}
