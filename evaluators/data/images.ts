import { error } from './errors.ts'

/** Labelled images of one size, kept as bytes: 32×32×3 takes 3 KiB an image, a quarter of float32. */
export interface LabelledImages {
  readonly count: number
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly classes: number
  /** [count, height, width, channels], row-major, 0–255. */
  readonly pixels: Uint8Array
  /** [count], 0 to classes − 1. */
  readonly labels: Int32Array
}

export type ImageParts = Omit<LabelledImages, 'count'>

/**
 * Checks that pixels, labels and classes fit together. `where` names the origin in errors.
 * Errors: ARCHLOOM_DATA_COUNT_MISMATCH, ARCHLOOM_DATA_LABEL_RANGE.
 */
export function labelledImages(parts: ImageParts, where = 'images'): LabelledImages {
  const { height, width, channels, classes, pixels, labels } = parts
  const count = pixels.length / (height * width * channels)
  if (count !== labels.length)
    throw error('ARCHLOOM_DATA_COUNT_MISMATCH', { where, images: count, labels: labels.length })
  const index = labels.findIndex((label) => label < 0 || label >= classes)
  if (index >= 0) throw error('ARCHLOOM_DATA_LABEL_RANGE', { where, index, label: labels[index] as number, classes })
  return { count, height, width, channels, classes, pixels, labels }
}

/** Several sets of the same shape, one after the other. Error: ARCHLOOM_DATA_SHAPE. */
export function concatImages(sets: readonly LabelledImages[], where = 'images'): LabelledImages {
  const [first, ...rest] = sets
  if (!first) throw error('ARCHLOOM_DATA_SHAPE', { where, received: 'no images', expected: 'at least one file' })
  if (rest.length === 0) return first
  const odd = rest.find((set) => shapeOf(set) !== shapeOf(first))
  if (odd) throw error('ARCHLOOM_DATA_SHAPE', { where, received: shapeOf(odd), expected: shapeOf(first) })
  const count = sets.reduce((sum, set) => sum + set.count, 0)
  const pixels = new Uint8Array(count * imageBytes(first))
  const labels = new Int32Array(count)
  let at = 0
  for (const set of sets) {
    pixels.set(set.pixels, at * imageBytes(first))
    labels.set(set.labels, at)
    at += set.count
  }
  return { ...first, count, pixels, labels }
}

/** The first n images; a view, not a copy. */
export function firstImages(images: LabelledImages, n: number): LabelledImages {
  const count = Math.min(n, images.count)
  const pixels = images.pixels.subarray(0, count * imageBytes(images))
  return { ...images, count, pixels, labels: images.labels.subarray(0, count) }
}

/** Examples of each class. */
export function classCounts(images: LabelledImages, indices?: ArrayLike<number>): number[] {
  const counts = new Array<number>(images.classes).fill(0)
  const n = indices?.length ?? images.count
  for (let i = 0; i < n; i++) {
    const label = images.labels[indices ? (indices[i] as number) : i] as number
    counts[label] = (counts[label] as number) + 1
  }
  return counts
}

/** Bytes of one image. */
export const imageBytes = (images: Pick<LabelledImages, 'height' | 'width' | 'channels'>) =>
  images.height * images.width * images.channels

const shapeOf = (images: LabelledImages) =>
  `${images.height}×${images.width}×${images.channels} in ${images.classes} classes`
