import type { Split, Trainer } from '../../core/trainer.ts'
import type { Augmentation } from '../data/augmentation.ts'
import { type ImageSplit, withAugmentation } from '../data/split.ts'
import { type SupervisedTrainerOptions, supervisedTrainer } from '../training/supervised.ts'
import { error } from './errors.ts'

/** How a network is trained, in a search and after it. */
export interface TrainingOptions {
  /** Passes over the training split; a fraction is a part of one. */
  readonly epochs: number
  /** Of the stock trainer. Default 64. */
  readonly batchSize?: number
  /** A trainer of your own, or options of the stock one (`supervisedTrainer`). */
  readonly trainer?: Trainer | SupervisedTrainerOptions
  /** Name of the tensor engine. Default 'auto'. */
  readonly engine?: string
  /** Random changes of training images instead of those of the data set; false: none. */
  readonly augment?: Augmentation | false
}

export function checkTraining(where: string, { epochs }: TrainingOptions): void {
  if (!(typeof epochs === 'number' && epochs > 0 && Number.isFinite(epochs)))
    throw error('ARCHLOOM_TRAIN_FROM_SCRATCH_OPTION', {
      ...{ where, option: 'epochs', received: epochs },
      expected: 'a positive number of passes over the training split',
    })
}

/** The trainer given, else the one that a plugin provides, else the stock one. */
export function trainerOf({ trainer, batchSize }: TrainingOptions, provided?: Trainer): Trainer {
  if (trainer && 'fit' in trainer) return trainer
  return provided ?? supervisedTrainer({ ...(batchSize !== undefined && { batchSize }), ...trainer })
}

/** The training split with the changes asked for. */
export function augmented(where: string, split: Split<'train'>, augment: Augmentation | false | undefined) {
  if (augment === undefined) return split
  if (!('images' in split && 'normalisation' in split))
    throw error('ARCHLOOM_TRAIN_FROM_SCRATCH_OPTION', {
      ...{ where, option: 'augment', received: augment },
      expected:
        'none, because this training split is not made of images in memory (imageSplit()); change its own batches',
    })
  return withAugmentation(split as ImageSplit<'train'>, augment || undefined)
}
