import type { Picture } from './picture.ts'

/**
 * Y of ITU-R BT.601 in studio range per unit of red, green and blue in [0, 1]: the luma on which super-resolution
 * papers measure.
 */
export const LUMA_WEIGHTS = [65.481, 128.553, 24.966] as const

/** Y of every pixel, 16 (black) to 235 (white), not rounded. Grey images count as equal red, green and blue. */
export function luma({ pixels, channels }: Picture): Float64Array {
  const [r, g, b] = LUMA_WEIGHTS.map((weight) => weight / 255) as [number, number, number]
  const y = new Float64Array(pixels.length / channels)
  if (channels === 1) for (let i = 0; i < y.length; i++) y[i] = 16 + (r + g + b) * pixels[i]!
  else
    for (let i = 0, at = 0; i < y.length; i++, at += 3)
      y[i] = 16 + r * pixels[at]! + g * pixels[at + 1]! + b * pixels[at + 2]!
  return y
}

/** Y, Cb, Cr of every pixel in studio range, [height, width, 3], not rounded. */
export function toYCbCr(image: Picture): Float64Array {
  const { pixels, channels } = image
  const y = luma(image)
  const out = new Float64Array(y.length * 3)
  for (let i = 0; i < y.length; i++) {
    const at = i * channels
    const r = pixels[at] as number
    const g = pixels[at + (channels === 3 ? 1 : 0)] as number
    const b = pixels[at + (channels === 3 ? 2 : 0)] as number
    out[3 * i] = y[i] as number
    out[3 * i + 1] = 128 + (-37.797 * r - 74.203 * g + 112 * b) / 255
    out[3 * i + 2] = 128 + (112 * r - 93.786 * g - 18.214 * b) / 255
  }
  return out
}

/** Converts back to 8-bit red, green and blue (the inverse matrix, rounded and clamped). */
export function fromYCbCr(values: Float64Array, height: number, width: number): Picture {
  const pixels = new Uint8ClampedArray(values.length)
  for (let i = 0; i < values.length; i += 3) {
    const y = (values[i]! - 16) * (255 / 219)
    const cb = values[i + 1]! - 128
    const cr = values[i + 2]! - 128
    pixels[i] = Math.round(y + 1.59602678571429 * cr)
    pixels[i + 1] = Math.round(y - 0.39176229009491 * cb - 0.81296764723777 * cr)
    pixels[i + 2] = Math.round(y + 2.01723214285714 * cb)
  }
  return { height, width, channels: 3, pixels: new Uint8Array(pixels.buffer) }
}
