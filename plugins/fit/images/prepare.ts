/** What an image becomes. Plain JSON: saved beside a model, and read by the code that uses it. */
export interface ImagePlan {
  readonly height: number
  readonly width: number
  readonly channels: 1 | 3
  /** Of each channel, for values from 0 to 1. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** Pixels as a decoder or a canvas gives them: bytes, rows from the top, 1 (grey), 3 or 4 (with alpha) channels. */
export interface Pixels {
  readonly data: ArrayLike<number>
  readonly width: number
  readonly height: number
  readonly channels: number
}

/**
 * An image brought to the size and channels of a plan, as bytes [height, width, channels]: each new pixel is the mean of
 * the area that it covers; alpha is laid on black. It needs nothing beside it: its text is written into the folder of an
 * exported model, so that training, Node and browsers resize by the same code.
 */
export function resizeImage(
  image: Pixels,
  plan: { readonly height: number; readonly width: number; readonly channels: number },
): Uint8Array<ArrayBuffer> {
  const { data, width, height, channels } = image
  const out = new Uint8Array(plan.height * plan.width * plan.channels)
  const [stepY, stepX] = [height / plan.height, width / plan.width]
  const sums = [0, 0, 0]
  for (let y = 0; y < plan.height; y++)
    for (let x = 0; x < plan.width; x++) {
      const [top, left] = [y * stepY, x * stepX]
      const [bottom, right] = [top + stepY, left + stepX]
      let area = 0
      sums.fill(0)
      for (let v = Math.floor(top); v < Math.min(height, Math.ceil(bottom - 1e-9)); v++) {
        const tall = Math.min(bottom, v + 1) - Math.max(top, v)
        for (let u = Math.floor(left); u < Math.min(width, Math.ceil(right - 1e-9)); u++) {
          const share = tall * (Math.min(right, u + 1) - Math.max(left, u))
          const at = (v * width + u) * channels
          const alpha = channels === 4 ? data[at + 3]! / 255 : channels === 2 ? data[at + 1]! / 255 : 1
          area += share
          for (let c = 0; c < 3; c++) sums[c]! += share * alpha * data[at + (channels > 2 ? c : 0)]!
        }
      }
      const to = (y * plan.width + x) * plan.channels
      const [red, green, blue] = [sums[0]! / area, sums[1]! / area, sums[2]! / area]
      if (plan.channels === 1) out[to] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue)
      else {
        out[to] = Math.round(red)
        out[to + 1] = Math.round(green)
        out[to + 2] = Math.round(blue)
      }
    }
  return out
}

/** Bytes [height, width, channels] as what the network reads: normalised floats. Its text is exported, too. */
export function normaliseImage(bytes: ArrayLike<number>, plan: ImagePlan): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) {
    const c = i % plan.channels
    out[i] = (bytes[i]! / 255 - plan.mean[c]!) / plan.std[c]!
  }
  return out
}
