import type { Random } from '../../../core/random.ts'
import { checkScale, downscaleBicubic } from './bicubic.ts'
import { error } from './errors.ts'
import { encodePicture, readPicture } from './files.ts'
import { cropToMultiple, type Picture, picture } from './picture.ts'

/** Square blur kernel of odd size, row-major, sum 1. */
export interface BlurKernel {
  readonly size: number
  readonly weights: Float64Array
}

export interface GaussianOptions {
  /** Standard deviation in pixels; along the first axis where there are two. */
  readonly sigma: number
  /** Across it; default the same. */
  readonly sigmaAcross?: number
  /** Of the first axis, radians from the horizontal. Default 0. */
  readonly angle?: number
  /** Odd number of pixels. Default 2·⌈3σ⌉ + 1. */
  readonly size?: number
}

/** A Gaussian, round or elongated. Error: ARCHLOOM_PICTURE_OPTION. */
export function gaussianKernel(options: GaussianOptions): BlurKernel {
  const { sigma, sigmaAcross = sigma, angle = 0 } = options
  const size = options.size ?? 2 * Math.ceil(3 * Math.max(sigma, sigmaAcross)) + 1
  const check = (option: string, received: number, valid: boolean, expected: string) => {
    if (!valid) throw error('ARCHLOOM_PICTURE_OPTION', { where: 'gaussianKernel', option, received, expected })
  }
  check('sigma', sigma, sigma > 0 && sigma <= 50, 'a number above 0, at most 50')
  check('sigmaAcross', sigmaAcross, sigmaAcross > 0 && sigmaAcross <= 50, 'a number above 0, at most 50')
  check('size', size, Number.isInteger(size) && size % 2 === 1, 'an odd whole number')
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const half = (size - 1) / 2
  const weights = Float64Array.from({ length: size * size }, (_, i) => {
    const [y, x] = [Math.floor(i / size) - half, (i % size) - half]
    return Math.exp(-0.5 * (((x * cos + y * sin) / sigma) ** 2 + ((y * cos - x * sin) / sigmaAcross) ** 2))
  })
  const sum = weights.reduce((a, b) => a + b, 0)
  return { size, weights: weights.map((weight) => weight / sum) }
}

/** Correlation with the kernel, the edge repeated, rounded to bytes. */
export function blur(image: Picture, { size, weights }: BlurKernel): Picture {
  const { height, width, channels, pixels } = image
  const half = (size - 1) / 2
  const out = new Uint8ClampedArray(pixels.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) {
        let sum = 0
        for (let i = 0; i < size; i++) {
          const row = Math.min(height - 1, Math.max(0, y + i - half)) * width
          for (let j = 0; j < size; j++) {
            const column = Math.min(width - 1, Math.max(0, x + j - half))
            sum += (weights[i * size + j] as number) * (pixels[(row + column) * channels + c] as number)
          }
        }
        out[(y * width + x) * channels + c] = sum
      }
  return picture(height, width, channels, new Uint8Array(out.buffer))
}

/** One pixel out of every scale × scale, the one at (⌊scale/2⌋, ⌊scale/2⌋); sizes cut to multiples first. */
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

/** Adds independent normal noise of that many grey levels to every value. */
export function addNoise(image: Picture, sigma: number, rng: Random): Picture {
  const pixels = Uint8ClampedArray.from(image.pixels, (value) => value + sigma * rng.normal())
  return { ...image, pixels: new Uint8Array(pixels.buffer) }
}

/** What JPEG of that quality leaves of the image. */
export async function throughJpeg(image: Picture, quality: number): Promise<Picture> {
  const { height, width, channels, pixels } = await readPicture(await encodePicture(image, 'jpeg', { quality }))
  return picture(height, width, channels, pixels)
}

export interface DegradationOptions {
  readonly scale: number
  /** Before shrinking. */
  readonly blur?: BlurKernel
  /** Default 'bicubic'. */
  readonly downscale?: 'bicubic' | 'nearest'
  /** Standard deviation in grey levels, after shrinking. */
  readonly noise?: number
  /** JPEG quality, 1 to 100, at the end. */
  readonly jpeg?: number
}

/** Blur, shrink, noise, JPEG, in this order: how a real camera's small image may come of a large one. */
export type Degradation = (image: Picture, rng: Random) => Promise<Picture>

/** Error: ARCHLOOM_PICTURE_OPTION. */
export function degradation(options: DegradationOptions): Degradation {
  const { scale, blur: kernel, downscale = 'bicubic', noise = 0, jpeg } = options
  checkScale('degradation', scale)
  if (jpeg !== undefined && !(Number.isInteger(jpeg) && jpeg >= 1 && jpeg <= 100))
    throw error('ARCHLOOM_PICTURE_OPTION', {
      where: 'degradation',
      option: 'jpeg',
      received: jpeg,
      expected: 'a quality from 1 to 100',
    })
  return async (image, rng) => {
    const blurred = kernel ? blur(image, kernel) : image
    const small = downscale === 'bicubic' ? downscaleBicubic(blurred, scale) : downscaleNearest(blurred, scale)
    const noisy = noise > 0 ? addNoise(small, noise, rng) : small
    return jpeg === undefined ? noisy : throughJpeg(noisy, jpeg)
  }
}
