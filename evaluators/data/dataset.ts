import { optionNames } from '../../core/options/index.ts'
import { seeded } from '../../core/random.ts'
import type { Dataset, DatasetSource } from '../../core/trainer.ts'
import type { Augmentation } from './augmentation.ts'
import { error } from './errors.ts'
import { type LabelledImages, labelledImages } from './images.ts'
import type { Normalisation } from './normalisation.ts'
import { checkSize, holdOut, type ImageSplit, imageSplit, subset, withAugmentation } from './split.ts'
import { stratifiedChoice } from './stratify.ts'

/** Images in memory, split in three. */
export interface ImageDataset extends Dataset {
  readonly train: ImageSplit<'train'>
  readonly validation: ImageSplit<'validation'>
  readonly test: ImageSplit<'test'>
  readonly source: DatasetSource
  readonly notes: readonly string[]
  /** Folder or file that the images were read from, if any. */
  readonly location?: string
}

export interface SplitDatasetOptions {
  readonly name: string
  readonly train: LabelledImages
  /** Separate images, or the number of training examples to hold out. Default: a tenth of them. */
  readonly validation?: LabelledImages | number
  /** Separate images, or the number of examples to take from `train` before anything else. */
  readonly test: LabelledImages | number
  /** Maximum number of training examples (chosen stratified by class, after the hold-out). */
  readonly trainSize?: number
  /** Maximum number of test examples (chosen stratified by class). */
  readonly testSize?: number
  /** Applied to training batches only. */
  readonly augment?: Augmentation
  /** Default: computed from the training examples that remain. */
  readonly normalisation?: Normalisation
  /** Seed of hold-out and subsets. Default 0. */
  readonly seed?: number
  readonly classNames?: readonly string[]
  readonly source?: DatasetSource
  readonly notes?: readonly string[]
  readonly location?: string
}

const splitDatasetNames = optionNames<SplitDatasetOptions>('splitDataset', {
  name: true,
  train: true,
  validation: true,
  test: true,
  trainSize: true,
  testSize: true,
  augment: true,
  normalisation: true,
  seed: true,
  classNames: true,
  source: true,
  notes: true,
  location: true,
})

/**
 * Splits labelled images into train, validation and test, seeded and stratified by class. The choice of one part does
 * not depend on the size of another.
 * Errors: ARCHLOOM_SPLIT_SIZE, ARCHLOOM_DATA_SHAPE, ARCHLOOM_AUGMENTATION, ARCHLOOM_NORMALISATION.
 */
export function splitDataset(options: SplitDatasetOptions): ImageDataset {
  splitDatasetNames(options)
  const { name, source = 'own', notes = [], classNames, location } = options
  const rng = seeded(options.seed ?? 0)
  const { pool, testImages, testIndices } = setTestApart(options, rng.fork('test'))
  // Statistics are computed last, from the examples that remain for training.
  const placeholder = placeholderFor(options.train.channels)
  const full = imageSplit('train', options.train, { ...(pool && { indices: pool }), normalisation: placeholder })

  const held = options.validation ?? Math.max(1, Math.round(full.size / 10))
  const parts =
    typeof held === 'number'
      ? holdOut(full, held, rng.fork('validation'))
      : {
          train: full,
          validation: imageSplit('validation', sameShape(held, options, 'validation'), { normalisation: placeholder }),
        }
  if (options.trainSize !== undefined) checkSize('trainSize', options.trainSize, parts.train.size)
  const train =
    options.trainSize === undefined ? parts.train : subset(parts.train, options.trainSize, rng.fork('train'))

  const measured = imageSplit('train', options.train, {
    indices: train.indices,
    ...(options.normalisation && { normalisation: options.normalisation }),
  })
  const { normalisation } = measured
  const test = imageSplit('test', testImages, { ...(testIndices && { indices: testIndices }), normalisation })
  if (options.testSize !== undefined) checkSize('testSize', options.testSize, test.size)
  return {
    name,
    source,
    notes,
    train: options.augment ? withAugmentation(measured, options.augment) : measured,
    validation: imageSplit('validation', parts.validation.images, { indices: parts.validation.indices, normalisation }),
    test: options.testSize === undefined ? test : subset(test, options.testSize, rng.fork('test subset')),
    ...(classNames && { classNames }),
    ...(location && { location }),
  }
}

function setTestApart(options: SplitDatasetOptions, rng: ReturnType<typeof seeded>) {
  const { train, test } = options
  if (typeof test !== 'number') return { testImages: sameShape(test, options, 'test') }
  checkSize('test', test, train.count - 2)
  const all = Int32Array.from({ length: train.count }, (_, i) => i)
  const { chosen, rest } = stratifiedChoice(train.labels, all, test, train.classes, rng)
  return { pool: rest, testImages: train, testIndices: chosen }
}

function sameShape(part: LabelledImages, { train, name }: SplitDatasetOptions, role: string): LabelledImages {
  const shape = (images: LabelledImages) =>
    `${images.height}×${images.width}×${images.channels} in ${images.classes} classes`
  if (shape(part) !== shape(train))
    throw error('ARCHLOOM_DATA_SHAPE', { where: `${name} ${role}`, received: shape(part), expected: shape(train) })
  return labelledImages(part, `${name} ${role}`)
}

const placeholderFor = (channels: number): Normalisation => ({
  mean: new Array<number>(channels).fill(0),
  std: new Array<number>(channels).fill(1),
})

const sources: Record<DatasetSource, string> = {
  'archloom-data': 'from ARCHLOOM_DATA',
  cache: 'from the cache',
  download: 'downloaded',
  generated: 'generated',
  own: 'as given',
}

/** One line that describes which examples a program uses. Print the data set's notes after it. */
export function describeDataset(dataset: Dataset & { readonly location?: string }): string {
  const { name, train, validation, test, source, location } = dataset
  const size = (n: number) => n.toLocaleString('en-US')
  const origin = [source && sources[source], location].filter(Boolean).join(', ')
  const sizes = `${size(train.size)} train, ${size(validation.size)} validation, ${size(test.size)} test`
  const shape = `${train.inputShape.join('×')}${train.classes ? `, ${train.classes} classes` : ''}`
  return `${name}${origin ? ` (${origin})` : ''}: ${sizes}; ${shape}`
}
