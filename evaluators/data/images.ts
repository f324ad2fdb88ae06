import { error } from './errors.ts'

/** Labelled images of one size, stored as bytes: a 32×32×3 image takes 3 KiB, a quarter of its size in float32. */
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
  /**
   * [count, classes], 1 where a label applies to an image and 0 elsewhere: for images that have any number of labels. Batches
   * then have these as targets, and `labels` only says what images are spread evenly by when they are split.
   */
  readonly multiHot?: Uint8Array
}

export type ImageParts = Omit<LabelledImages, 'count'>

/**
 * Checks that pixels, labels and classes fit together. `where` names the source in errors. Errors:
 * ARCHLOOM_DATA_COUNT_MISMATCH, ARCHLOOM_DATA_LABEL_RANGE, ARCHLOOM_DATA_SHAPE for pixels that are not a Uint8Array.
 */
export function labelledImages(parts: ImageParts, where = 'images'): LabelledImages {
  const { height, width, channels, classes, pixels, labels, multiHot } = parts
  // Each pixel is the place of its value in a table of 256.
  const given: unknown = pixels
  if (!(given instanceof Uint8Array || given instanceof Uint8ClampedArray))
    throw error('ARCHLOOM_DATA_SHAPE', {
      where,
      received: `pixels of the type ${Object.prototype.toString.call(given).slice(8, -1)}`,
      expected: 'bytes from 0 to 255 in a Uint8Array',
    })
  const count = pixels.length / (height * width * channels)
  if (count !== labels.length)
    throw error('ARCHLOOM_DATA_COUNT_MISMATCH', { where, images: count, labels: labels.length })
  const index = labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < classes))
  if (index >= 0) throw error('ARCHLOOM_DATA_LABEL_RANGE', { where, index, label: labels[index] as number, classes })
  if (multiHot && multiHot.length !== count * classes)
    throw error('ARCHLOOM_DATA_COUNT_MISMATCH', { where, images: count, labels: multiHot.length / classes })
  return { count, height, width, channels, classes, pixels, labels, ...(multiHot && { multiHot }) }
}

/** Concatenates sets of the same shape. Error: ARCHLOOM_DATA_SHAPE. */
export function concatImages(sets: readonly LabelledImages[], where = 'images'): LabelledImages {
  const [first, ...rest] = sets
  if (!first) throw error('ARCHLOOM_DATA_SHAPE', { where, received: 'no images', expected: 'at least one file' })
  if (rest.length === 0) return first
  const odd = rest.find((set) => shapeOf(set) !== shapeOf(first))
  if (odd) throw error('ARCHLOOM_DATA_SHAPE', { where, received: shapeOf(odd), expected: shapeOf(first) })
  const count = sets.reduce((sum, set) => sum + set.count, 0)
  const pixels = new Uint8Array(count * imageBytes(first))
  const labels = new Int32Array(count)
  const multiHot = sets.every((set) => set.multiHot) ? new Uint8Array(count * first.classes) : undefined
  let at = 0
  for (const set of sets) {
    pixels.set(set.pixels, at * imageBytes(first))
    labels.set(set.labels, at)
    if (set.multiHot) multiHot?.set(set.multiHot, at * first.classes)
    at += set.count
  }
  return { ...first, count, pixels, labels, ...(multiHot && { multiHot }) }
}

/** The first n images; a view, not a copy. */
export function firstImages(images: LabelledImages, n: number): LabelledImages {
  const count = Math.min(n, images.count)
  const pixels = images.pixels.subarray(0, count * imageBytes(images))
  const multiHot = images.multiHot?.subarray(0, count * images.classes)
  return { ...images, count, pixels, labels: images.labels.subarray(0, count), ...(multiHot && { multiHot }) }
}

/** Number of examples of each class. */
export function classCounts(images: LabelledImages, indices?: ArrayLike<number>): number[] {
  const counts = new Array<number>(images.classes).fill(0)
  const n = indices?.length ?? images.count
  for (let i = 0; i < n; i++) {
    const label = images.labels[indices ? indices[i]! : i] as number
    counts[label] = counts[label]! + 1
  }
  return counts
}

/** Number of bytes of one image. */
export const imageBytes = (images: Pick<LabelledImages, 'height' | 'width' | 'channels'>) =>
  images.height * images.width * images.channels

const shapeOf = (images: LabelledImages) =>
  `${images.height}×${images.width}×${images.channels} in ${images.classes} ${images.multiHot ? 'labels' : 'classes'}`
