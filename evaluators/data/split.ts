import * as tf from '@tensorflow/tfjs-core'
import { optionNames, pickOptions } from '../../core/options/index.ts'
import type { Random } from '../../core/random.ts'
import type { Batch, BatchOptions, Split, SplitRole } from '../../core/trainer.ts'
import { type Augmentation, checkAugmentation, type ImageLayout, writeAugmented, writeImage } from './augmentation.ts'
import { error } from './errors.ts'
import { imageBytes, type LabelledImages } from './images.ts'
import { channelStatistics, type Normalisation, normalisationTable } from './normalisation.ts'
import { stratifiedChoice } from './stratify.ts'

/** A split whose images are in memory as bytes. */
export interface ImageSplit<R extends SplitRole = SplitRole> extends Split<R> {
  readonly images: LabelledImages
  /** Which of the images belong to this split, in stored order. */
  readonly indices: Int32Array
  readonly normalisation: Normalisation
  readonly augmentation?: Augmentation
}

export interface ImageSplitOptions {
  /** Default: all. */
  readonly indices?: Int32Array
  /** Default: the statistics of these images. */
  readonly normalisation?: Normalisation
  /** Applied to batches that are drawn with a generator. */
  readonly augmentation?: Augmentation
}

const splitNames = optionNames<ImageSplitOptions>('imageSplit', {
  indices: true,
  normalisation: true,
  augmentation: true,
})

/**
 * Makes a split of labelled images with a role. Batches are [batch, height, width, channels] float32, normalised, with
 * int32 class indices [batch], or float32 zeros and ones [batch, classes] of images with several labels; they are made one at a time, synchronously, and belong to the receiver. Errors:
 * ARCHLOOM_AUGMENTATION, ARCHLOOM_NORMALISATION; `batches` throws ARCHLOOM_BATCH_SIZE at the call.
 */
export function imageSplit<R extends SplitRole>(
  role: R,
  images: LabelledImages,
  options: ImageSplitOptions = {},
): ImageSplit<R> {
  splitNames(options)
  const { height, width, channels, classes, count } = images
  const indices = options.indices ?? Int32Array.from({ length: count }, (_, i) => i)
  const normalisation = options.normalisation ?? channelStatistics(images, indices)
  const { augmentation } = options
  if (augmentation) checkAugmentation(augmentation, height, width)
  const layout: ImageLayout = { height, width, channels, table: normalisationTable(normalisation, channels) }
  return {
    role,
    size: indices.length,
    inputShape: [height, width, channels],
    classes,
    images,
    indices,
    normalisation,
    ...(augmentation && { augmentation }),
    batches({ batchSize, rng, dropRemainder = false }: BatchOptions) {
      if (!Number.isInteger(batchSize) || batchSize < 1) throw error('ARCHLOOM_BATCH_SIZE', { received: batchSize })
      // One draw from the caller's generator seeds a separate stream, so that other draws of the caller between two
      // batches, or an early stop, do not change the order.
      const stream = rng?.fork(`batches ${rng.tensorSeed()}`)
      const order = stream ? shuffled(indices, stream) : indices
      const end = dropRemainder ? order.length - (order.length % batchSize) : order.length
      return assemble(images, layout, order, end, batchSize, stream, augmentation)
    },
  }
}

function* assemble(
  images: LabelledImages,
  layout: ImageLayout,
  order: Int32Array,
  end: number,
  batchSize: number,
  rng?: Random,
  augmentation?: Augmentation,
): Generator<Batch, void, undefined> {
  const bytes = imageBytes(images)
  const { height, width, channels } = layout
  for (let start = 0; start < end; start += batchSize) {
    const n = Math.min(batchSize, end - start)
    // A new array each time, because engines may keep the array that they receive.
    const inputs = new Float32Array(n * bytes)
    const { multiHot, classes } = images
    const targets = multiHot ? new Float32Array(n * classes) : new Int32Array(n)
    for (let i = 0; i < n; i++) {
      const index = order[start + i] as number
      if (multiHot) targets.set(multiHot.subarray(index * classes, (index + 1) * classes), i * classes)
      else targets[i] = images.labels[index] as number
      if (rng && augmentation)
        writeAugmented(images.pixels, index * bytes, inputs, i * bytes, layout, augmentation, rng)
      else writeImage(images.pixels, index * bytes, inputs, i * bytes, layout)
    }
    yield {
      inputs: tf.tensor4d(inputs, [n, height, width, channels]),
      targets: multiHot ? tf.tensor2d(targets, [n, classes]) : tf.tensor1d(targets, 'int32'),
    }
  }
}

function shuffled(indices: Int32Array, rng: Random): Int32Array {
  const out = indices.slice()
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.int(i + 1)
    const held = out[i] as number
    out[i] = out[j] as number
    out[j] = held
  }
  return out
}

const withIndices = <R extends SplitRole>(split: ImageSplit<R>, indices: Int32Array): ImageSplit<R> =>
  imageSplit(split.role, split.images, { ...pickOptions(split, ['normalisation', 'augmentation']), indices })

/** The first n examples. Error: ARCHLOOM_SPLIT_SIZE. */
export function prefix<R extends SplitRole>(split: ImageSplit<R>, n: number): ImageSplit<R> {
  checkSize('prefix', n, split.size)
  return withIndices(split, split.indices.slice(0, n))
}

/** Draws n examples by the generator, with every class in its proportion. Error: ARCHLOOM_SPLIT_SIZE. */
export function subset<R extends SplitRole>(split: ImageSplit<R>, n: number, rng: Random): ImageSplit<R> {
  checkSize('subset', n, split.size)
  return withIndices(split, stratifiedChoice(split.images.labels, split.indices, n, split.classes, rng).chosen)
}

/** Holds out n training examples for validation, with every class in its proportion. Error: ARCHLOOM_SPLIT_SIZE. */
export function holdOut(
  train: ImageSplit<'train'>,
  n: number,
  rng: Random,
): { train: ImageSplit<'train'>; validation: ImageSplit<'validation'> } {
  checkSize('validation', n, train.size - 1)
  const { chosen, rest } = stratifiedChoice(train.images.labels, train.indices, n, train.classes, rng)
  const { images, normalisation } = train
  return {
    train: withIndices(train, rest),
    validation: imageSplit('validation', images, { indices: chosen, normalisation }),
  }
}

/** The same examples with another augmentation (or, without a second argument, with none). */
export function withAugmentation(split: ImageSplit<'train'>, augmentation?: Augmentation): ImageSplit<'train'> {
  const { role, images, indices, normalisation } = split
  return imageSplit(role, images, { indices, normalisation, ...(augmentation && { augmentation }) })
}

export function checkSize(what: string, received: unknown, available: number, smallest = 1): void {
  if (!Number.isInteger(received) || (received as number) < smallest || (received as number) > available)
    throw error('ARCHLOOM_SPLIT_SIZE', { what, received, available, smallest })
}
