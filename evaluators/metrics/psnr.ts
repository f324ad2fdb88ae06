import { optionError, optionNames } from '../../core/options/index.ts'
import { LUMA_WEIGHTS } from '../data/images/luma.ts'
import { type Picture, sizeOf } from '../data/images/picture.ts'
import { error } from './errors.ts'

export interface ImageMetricOptions {
  /** Number of pixels removed on every side before measuring; in papers it equals the scale. Default: 0. */
  readonly border?: number
  /** 'luma': Y of BT.601, as on the benchmarks. 'rgb': all three channels, as on DIV2K. Default 'luma'. */
  readonly on?: 'luma' | 'rgb'
}

/**
 * Checks that both images have the same size and channels, and that something is left within the border. Error:
 * ARCHLOOM_METRIC_IMAGE.
 */
export function checkPair(metric: string, a: Picture, b: Picture, border: number, least = 1): void {
  const left = Math.min(a.height, a.width) - 2 * border
  if (a.height !== b.height || a.width !== b.width || a.channels !== b.channels)
    throw error('ARCHLOOM_METRIC_IMAGE', {
      metric,
      received: `images of ${sizeOf(a)}×${a.channels} and ${sizeOf(b)}×${b.channels}`,
      expected: 'two images of the same size; crop the larger one first',
    })
  if (!Number.isInteger(border) || border < 0 || left < least)
    throw error('ARCHLOOM_METRIC_IMAGE', {
      metric,
      received: `images of ${sizeOf(a)} with a border of ${border}`,
      expected: `at least ${least} pixels in each direction within the border`,
    })
}

/** Refuses other planes than those there are. Error: ARCHLOOM_OPTION. */
export function checkPlanes(metric: string, on: unknown): void {
  if (on !== 'luma' && on !== 'rgb') throw optionError(metric, 'on', on, "'luma' or 'rgb'")
}

const psnrNames = optionNames<ImageMetricOptions>('psnr', { border: true, on: true })

/**
 * Peak signal-to-noise ratio of two 8-bit images in dB: −10·log₁₀(mean d²) of differences d on a scale of 1. Luma is
 * the unrounded Y of the difference with peak 255, as in papers on super-resolution. Identical images give Infinity.
 *
 * Grey counts as equal red, green and blue, so its luma spans 219 of 255 levels. Common evaluation scripts measure
 * grey files on the grey values themselves, like `on: 'rgb'`: 20·log₁₀(255/219) = 1.322 dB less. One of the fourteen
 * images of Set14 is grey, so its mean is 0.094 dB higher here than in published tables. Error: ARCHLOOM_METRIC_IMAGE.
 */
export function psnr(image: Picture, reference: Picture, given: ImageMetricOptions = {}): number {
  const { border = 0, on = 'luma' } = psnrNames(given)
  checkPlanes('psnr', on)
  checkPair('psnr', image, reference, border)
  const square = on === 'luma' ? lumaError(image, reference, border) : meanSquare(image, reference, border)
  return -10 * Math.log10(square)
}

function meanSquare(a: Picture, b: Picture, border: number): number {
  let sum = 0
  let count = 0
  for (let y = border; y < a.height - border; y++)
    for (let at = (y * a.width + border) * a.channels; at < ((y + 1) * a.width - border) * a.channels; at++, count++)
      sum += ((a.pixels[at]! - b.pixels[at]!) / 255) ** 2
  return sum / count
}

function lumaError(a: Picture, b: Picture, border: number): number {
  // Grey counts as equal red, green and blue.
  const weights = a.channels === 3 ? LUMA_WEIGHTS : [LUMA_WEIGHTS[0] + LUMA_WEIGHTS[1] + LUMA_WEIGHTS[2]]
  let sum = 0
  let count = 0
  for (let y = border; y < a.height - border; y++)
    for (let x = border; x < a.width - border; x++, count++) {
      const at = (y * a.width + x) * a.channels
      let difference = 0
      for (let c = 0; c < a.channels; c++) difference += weights[c]! * (a.pixels[at + c]! - b.pixels[at + c]!)
      sum += (difference / 255 ** 2) ** 2
    }
  return sum / count
}
