import type { Tensor } from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import { seeded } from '../../core/random.ts'
import type { Batch, BatchOptions, Dataset, DatasetSource, Split, SplitRole } from '../../core/trainer.ts'
import { error } from './errors.ts'
import type { LabelledImages } from './images.ts'
import type { Normalisation } from './normalisation.ts'
import { holdOut, type ImageSplit, imageSplit } from './split.ts'

/** Two sets of examples that are not paired: batches have one domain as `inputs` and the other as `targets`. */
export interface UnpairedSplit<R extends SplitRole = SplitRole, S extends Split<R> = Split<R>> extends Split<R> {
  readonly x: S
  readonly y: S
  /** Shape of one target, without the batch. */
  readonly targetShape: readonly number[]
}

/** Endless batches of a split, with a new order for each pass. */
function* passes<R extends SplitRole>(split: Split<R>, options: BatchOptions): Generator<Tensor, void, undefined> {
  for (;;)
    for (const { inputs, targets } of split.batches(options)) {
      targets.dispose()
      yield inputs
    }
}

/**
 * Pairs batches, not examples, of two splits of one role: an epoch is a pass over the larger one, while the smaller
 * one is repeated, each in its own order. The domains may differ in shape and size; labels are dropped. Error:
 * ARCHLOOM_SPLIT_SIZE for an empty domain.
 */
export function unpairedSplit<R extends SplitRole, S extends Split<R> = Split<R>>(
  role: R,
  x: S,
  y: S,
): UnpairedSplit<R, S> {
  for (const [what, { size }] of Object.entries({ 'domain x': x, 'domain y': y }))
    if (size < 1) throw error('ARCHLOOM_SPLIT_SIZE', { what, received: size, available: size })
  const size = Math.max(x.size, y.size)
  return {
    role,
    x,
    y,
    size,
    inputShape: x.inputShape,
    targetShape: y.inputShape,
    classes: 0,
    *batches({ batchSize, rng, dropRemainder = false }: BatchOptions): Generator<Batch, void, undefined> {
      if (!Number.isInteger(batchSize) || batchSize < 1) throw error('ARCHLOOM_BATCH_SIZE', { received: batchSize })
      const of = (split: Split<R>, name: string) =>
        // A domain that is smaller than a batch is used completely.
        passes(split, {
          batchSize: Math.min(batchSize, split.size),
          dropRemainder: true,
          ...(rng && { rng: rng.fork(`${name} ${rng.tensorSeed()}`) }),
        })
      const [first, second] = [of(x, 'x'), of(y, 'y')]
      const count = dropRemainder ? Math.max(1, Math.floor(size / batchSize)) : Math.ceil(size / batchSize)
      for (let k = 0; k < count; k++)
        yield { inputs: first.next().value as Tensor, targets: second.next().value as Tensor }
    },
  }
}

/** Images of two domains in three parts, with values in [−1, 1]. */
export interface UnpairedImageDataset extends Dataset {
  readonly source: DatasetSource
  readonly notes: readonly string[]
  readonly train: UnpairedSplit<'train', ImageSplit<'train'>>
  readonly validation: UnpairedSplit<'validation', ImageSplit<'validation'>>
  readonly test: UnpairedSplit<'test', ImageSplit<'test'>>
}

export interface UnpairedImages {
  readonly train: LabelledImages
  readonly test: LabelledImages
}

export interface UnpairedImagesOptions {
  readonly name: string
  readonly x: UnpairedImages
  readonly y: UnpairedImages
  /** Share of the training images of each domain that is held out. Default a tenth, at least one image. */
  readonly validationShare?: number
  readonly seed?: number
  readonly source?: DatasetSource
  readonly notes?: readonly string[]
}

/** Maps bytes to [−1, 1], the range of tanh. */
export const symmetric = (channels: number): Normalisation => ({
  mean: new Array<number>(channels).fill(0.5),
  std: new Array<number>(channels).fill(0.5),
})

const unpairedImagesNames = optionNames<UnpairedImagesOptions>('unpairedImages', {
  name: true,
  x: true,
  y: true,
  validationShare: true,
  seed: true,
  source: true,
  notes: true,
})

/** Two domains of images. Errors: ARCHLOOM_SPLIT_SIZE. */
export function unpairedImages(options: UnpairedImagesOptions): UnpairedImageDataset {
  unpairedImagesNames(options)
  const { name, source = 'own', notes = [], validationShare = 0.1, seed = 0 } = options
  const parted = (side: 'x' | 'y') => {
    const { train, test } = options[side]
    const normalisation = symmetric(train.channels)
    const whole = imageSplit('train', train, { normalisation })
    const held = Math.max(1, Math.round(train.count * validationShare))
    return {
      ...holdOut(whole, held, seeded(seed).fork(`validation ${side}`)),
      test: imageSplit('test', test, { normalisation }),
    }
  }
  const [x, y] = [parted('x'), parted('y')]
  return {
    name,
    source,
    notes,
    train: unpairedSplit('train', x.train, y.train),
    validation: unpairedSplit('validation', x.validation, y.validation),
    test: unpairedSplit('test', x.test, y.test),
  }
}
