import type { Conv2DInfo } from '../fill-ins/sliding-window.ts'

/*
 * Pooling of [batch, height, width, channels] as plain loops, for cases that an engine's own kernel computes wrong:
 * NaN, windows that reach past the end, ties. A window is clipped to the image; positions outside are not counted.
 */

type Floats = ArrayLike<number>

/** Calls `use` with the rows and columns of each window, and the offset of its output's channels. */
function eachWindow(
  info: Conv2DInfo,
  use: (batch: number, rows: readonly [number, number], columns: readonly [number, number], at: number) => void,
): void {
  const { batchSize, inHeight, inWidth, outHeight, outWidth, outChannels, padInfo } = info
  const { strideHeight, strideWidth, filterHeight, filterWidth } = info
  for (let n = 0; n < batchSize; n++)
    for (let i = 0; i < outHeight; i++) {
      const top = i * strideHeight - padInfo.top
      const rows = [Math.max(0, top), Math.min(inHeight, top + filterHeight)] as const
      for (let j = 0; j < outWidth; j++) {
        const left = j * strideWidth - padInfo.left
        const columns = [Math.max(0, left), Math.min(inWidth, left + filterWidth)] as const
        use(n, rows, columns, ((n * outHeight + i) * outWidth + j) * outChannels)
      }
    }
}

/** A NaN in a window is its maximum. */
export function maxPool(x: Floats, info: Conv2DInfo): Float32Array {
  const { inHeight, inWidth, outChannels: channels } = info
  const y = new Float32Array(info.batchSize * info.outHeight * info.outWidth * channels).fill(Number.NEGATIVE_INFINITY)
  eachWindow(info, (n, [top, bottom], [left, right], at) => {
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const from = ((n * inHeight + row) * inWidth + column) * channels
        for (let c = 0; c < channels; c++) {
          const value = x[from + c] as number
          if (value > y[at + c]! || Number.isNaN(value)) y[at + c] = value
        }
      }
  })
  return y
}

/** dy goes to the first of the values that equal the maximum. */
export function maxPoolGradient(dy: Floats, x: Floats, y: Floats, info: Conv2DInfo): Float32Array {
  const { inHeight, inWidth, outChannels: channels } = info
  const dx = new Float32Array(info.batchSize * inHeight * inWidth * channels)
  const open = new Uint8Array(channels)
  eachWindow(info, (n, [top, bottom], [left, right], at) => {
    open.fill(1)
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const from = ((n * inHeight + row) * inWidth + column) * channels
        for (let c = 0; c < channels; c++)
          if (open[c] === 1 && x[from + c] === y[at + c]) {
            dx[from + c] = dx[from + c]! + dy[at + c]!
            open[c] = 0
          }
      }
  })
  return dx
}

export function avgPool(x: Floats, info: Conv2DInfo): Float32Array {
  const { inHeight, inWidth, outChannels: channels } = info
  const y = new Float32Array(info.batchSize * info.outHeight * info.outWidth * channels)
  const sums = new Float64Array(channels)
  eachWindow(info, (n, [top, bottom], [left, right], at) => {
    sums.fill(0)
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const from = ((n * inHeight + row) * inWidth + column) * channels
        for (let c = 0; c < channels; c++) sums[c] = sums[c]! + x[from + c]!
      }
    const count = Math.max(0, bottom - top) * Math.max(0, right - left)
    for (let c = 0; c < channels; c++) y[at + c] = sums[c]! / count
  })
  return y
}

/**
 * dy divided by the size of the whole window, as in the tfjs kernel of that name; the gradient rule corrects borders.
 */
export function avgPoolGradient(dy: Floats, info: Conv2DInfo): Float32Array {
  const { inHeight, inWidth, outChannels: channels } = info
  const dx = new Float32Array(info.batchSize * inHeight * inWidth * channels)
  const share = 1 / (info.filterHeight * info.filterWidth)
  eachWindow(info, (n, [top, bottom], [left, right], at) => {
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const from = ((n * inHeight + row) * inWidth + column) * channels
        for (let c = 0; c < channels; c++) dx[from + c] = dx[from + c]! + dy[at + c]! * share
      }
  })
  return dx
}
