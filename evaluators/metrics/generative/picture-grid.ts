import { type Picture, picture } from '../../data/images/picture.ts'
import { checkRows } from './rows.ts'

/**
 * Arranges images in rows with one black pixel between them, for samples of a generator or an interpolation. @param
 * images Flat [count, height, width, channels] in [−1, 1]. Error: ARCHLOOM_GENERATIVE_METRIC.
 */
export function pictureGrid(
  images: Float32Array,
  shape: readonly number[],
  { columns, enlarge = 1 }: { columns?: number; enlarge?: number } = {},
): Picture {
  const [height = 0, width = 0, channels = 0] = shape
  const size = height * width * channels
  const count = checkRows('pictureGrid', images, size)
  const across = Math.min(count, columns ?? Math.ceil(Math.sqrt(count)))
  const down = Math.ceil(count / across)
  const [rows, pitch] = [down * (height + 1) - 1, across * (width + 1) - 1]
  const pixels = new Uint8Array(rows * pitch * channels * enlarge ** 2)
  for (let n = 0; n < count; n++) {
    const [top, left] = [Math.floor(n / across) * (height + 1), (n % across) * (width + 1)]
    for (let y = 0; y < height * enlarge; y++)
      for (let x = 0; x < width * enlarge; x++)
        for (let c = 0; c < channels; c++) {
          const from = (Math.floor(y / enlarge) * width + Math.floor(x / enlarge)) * channels + c
          const value = images[n * size + from] as number
          const to = ((top * enlarge + y) * pitch * enlarge + left * enlarge + x) * channels + c
          pixels[to] = Math.round(255 * Math.min(1, Math.max(0, (value + 1) / 2)))
        }
  }
  return picture(rows * enlarge, pitch * enlarge, channels as 1 | 3, pixels)
}
