import {
  among,
  either,
  number,
  type OptionsOf,
  optionError,
  options,
  required,
  text,
  value,
  whole,
} from '../../core/options/index.ts'
import type { Split, Trainer } from '../../core/trainer.ts'
import type { Augmentation } from '../data/augmentation.ts'
import { type ImageSplit, withAugmentation } from '../data/split.ts'
import { supervisedOption, supervisedTrainer } from '../training/supervised.ts'

/** How a network is trained, in a search and after it. */
export const trainingFields = {
  /** Passes over the training split; a fraction is a part of one. */
  epochs: required(number({ above: 0 })),
  /** Of the stock trainer. Default 64. */
  batchSize: whole({ min: 1, absent: '64' }),
  /** A trainer of your own, or options of the stock one (`supervisedTrainer`). */
  trainer: either([value<Trainer>('a trainer', { holds: isTrainer }), supervisedOption], {
    absent: 'what a plugin provides, else the stock one',
  }),
  /** Name of the tensor engine. Default 'auto'. */
  engine: text({ absent: 'auto' }),
  /** Random changes of training images instead of those of the data set; false: none. */
  augment: either([among([false]), value<Augmentation>('an augmentation')], { absent: 'those of the data set' }),
}
const declared = options('training', trainingFields)
export type TrainingOptions = OptionsOf<typeof declared>

function isTrainer(trainer: unknown): boolean {
  return typeof (trainer as Partial<Trainer> | null)?.fit === 'function'
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
    throw optionError(
      where,
      'augment',
      augment,
      'none, because this training split is not made of images in memory (imageSplit()); change its own batches',
    )
  return withAugmentation(split as ImageSplit<'train'>, augment || undefined)
}
