import { error } from './errors.ts'
import { imageBytes, type LabelledImages } from './images.ts'

/** Channel statistics in units of the full range: a network sees (pixel / 255 − mean) / std. */
export interface Normalisation {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** Mean and standard deviation of each channel, over all images or the indexed ones; exact (from histograms). */
export function channelStatistics(images: LabelledImages, indices?: ArrayLike<number>): Normalisation {
  const { channels, pixels } = images
  const histogram = new Float64Array(channels * 256)
  const bytes = imageBytes(images)
  const n = indices?.length ?? images.count
  for (let i = 0; i < n; i++) {
    const start = (indices ? indices[i]! : i) * bytes
    for (let p = start; p < start + bytes; p += channels)
      for (let c = 0; c < channels; c++) {
        const bin = c * 256 + pixels[p + c]!
        histogram[bin] = histogram[bin]! + 1
      }
  }
  const mean: number[] = []
  const std: number[] = []
  const total = (n * bytes) / channels
  for (let c = 0; c < channels; c++) {
    let sum = 0
    let squares = 0
    for (let v = 0; v < 256; v++) {
      const times = histogram[c * 256 + v] as number
      sum += times * v
      squares += times * v * v
    }
    const average = sum / total
    mean.push(average / 255)
    // For a constant channel, 1 avoids a division by 0.
    std.push(Math.sqrt(Math.max(0, squares / total - average * average)) / 255 || 1)
  }
  return { mean, std }
}

/** One float per channel and byte value: [channels, 256]. Error: ARCHLOOM_NORMALISATION. */
export function normalisationTable({ mean, std }: Normalisation, channels: number): Float32Array {
  const sound = (values: readonly number[]) => values.length === channels && values.every(Number.isFinite)
  if (!sound(mean) || !sound(std) || std.some((value) => value <= 0))
    throw error('ARCHLOOM_NORMALISATION', { received: { mean, std }, channels })
  return Float32Array.from({ length: channels * 256 }, (_, i) => {
    const c = Math.floor(i / 256)
    return ((i % 256) / 255 - mean[c]!) / std[c]!
  })
}
