import { optionError } from '../../../core/options/index.ts'
import type { Random } from '../../../core/random.ts'
import { checkScale, downscaleBicubic } from './bicubic.ts'
import { encodePicture, readPicture } from './files.ts'
import { cropToMultiple, type Picture, picture } from './picture.ts'

/** Square blur kernel, row-major, sum 1. */
export interface BlurKernel {
  /** In pixels. Odd: the centre is a pixel. Even: the centre lies between four pixels. */
  readonly size: number
  readonly weights: Float64Array
  /** What a Gaussian was made of. */
  readonly gaussian?: GaussianOptions
}

export interface GaussianOptions {
  /** Standard deviation in pixels; along the first axis where there are two. */
  readonly sigma: number
  /** Across it; default the same. */
  readonly sigmaAcross?: number
  /** Of the first axis, radians from the horizontal. Default 0. */
  readonly angle?: number
  /** Number of pixels, odd or even. Default 2·⌈3σ⌉ + 1. */
  readonly size?: number
}

const LARGEST_KERNEL = 1001

/** A Gaussian, round or elongated. Error: ARCHLOOM_OPTION. */
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
 * Correlation with the kernel, the edge repeated, rounded to bytes. A kernel of even size has its centre between pixels:
 * pixel (y, x) of the result is the blurred image at (y − ½, x − ½).
 */
export function blur(image: Picture, kernel: BlurKernel): Picture {
  return blurAt(image, kernel, 1)
}

/** The blurred image at the pixels that downscaleNearest takes; the image's sizes are multiples of the scale. */
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
 * One pixel out of every scale × scale, the one at (⌊scale/2⌋, ⌊scale/2⌋), as MATLAB's `imresize(…, 'nearest')` without
 * antialiasing takes it; sizes cut to multiples first. At even scales no pixel lies at the centre of its block: the small
 * image then shows the large one half a large pixel down and to the right. Error: ARCHLOOM_OPTION.
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

/** The size of a kernel whose centre is that of the block which downscaleNearest takes one pixel of. */
const isCentredAt = (size: number, scale: number) => size % 2 === scale % 2

/**
 * "BD" of the literature: blur, then one pixel of each block of scale × scale, sampled exactly at the block's centre.
 * At even scales the kernel must therefore have an even size, at odd scales an odd one. A Gaussian of no given size gets
 * 2·⌈3σ⌉ + 2 and 2·⌈3σ⌉ + 1 pixels, as in the scripts of RCAN (Zhang et al., 2018), where σ is 1.6.
 * Errors: ARCHLOOM_OPTION, also for a kernel whose size does not suit the scale.
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

/** Adds independent normal noise of that many grey levels to every value. */
export function addNoise(image: Picture, sigma: number, rng: Random): Picture {
  const pixels = Uint8ClampedArray.from(image.pixels, (value) => value + sigma * rng.normal())
  return { ...image, pixels: new Uint8Array(pixels.buffer) }
}

/** What JPEG of that quality leaves of the image, in as many channels. */
export async function throughJpeg(image: Picture, quality: number): Promise<Picture> {
  const bytes = await encodePicture(image, 'jpeg', { quality })
  const { height, width, channels, pixels } = await readPicture(bytes, {
    grey: image.channels === 1 ? 'keep' : 'repeat',
  })
  return picture(height, width, channels, pixels)
}

export interface DegradationOptions {
  readonly scale: number
  /** Before shrinking. With 'nearest' by downscaleBlurred, which needs a kernel whose size suits the scale. */
  readonly blur?: BlurKernel | GaussianOptions
  /** Default 'bicubic'. */
  readonly downscale?: 'bicubic' | 'nearest'
  /** Standard deviation in grey levels, after shrinking. */
  readonly noise?: number
  /** JPEG quality, 1 to 100, at the end. */
  readonly jpeg?: number
}

/** Blur, shrink, noise, JPEG, in this order: how a real camera's small image may come of a large one. */
export type Degradation = (image: Picture, rng: Random) => Promise<Picture>

/** Error: ARCHLOOM_OPTION. */
export function degradation(options: DegradationOptions): Degradation {
  const { scale, blur: kernel, downscale = 'bicubic', noise = 0, jpeg } = options
  checkScale('degradation', scale)
  if (jpeg !== undefined && !(Number.isInteger(jpeg) && jpeg >= 1 && jpeg <= 100))
    throw optionError('degradation', 'jpeg', jpeg, 'a quality from 1 to 100')
  // Bicubic is centred by itself, so the blur before it must not move anything: its kernel is that of scale 1.
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
