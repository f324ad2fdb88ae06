import {
  among,
  callback,
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
import { type SupervisedTrainerOptions, supervisedOption, supervisedTrainer } from '../training/supervised.ts'

const ownTrainer = value<Trainer>('a trainer', { holds: isTrainer })

/** How a network is trained, in a search and after it. */
export const trainingFields = {
  epochs: required(number({ above: 0, doc: 'Passes over the training split; a fraction is a part of one.' })),
  batchSize: whole({ min: 1, absent: '64', doc: 'Examples of a batch of the stock trainer.' }),
  trainer: either([ownTrainer, supervisedOption], {
    absent: 'what a plugin provides, else the stock one',
    doc: 'A trainer of your own, or options of the stock one (`supervisedTrainer`).',
  }),
  engine: text({ absent: 'auto', doc: 'Name of the tensor engine.' }),
  augment: either([among([false]), value<Augmentation>('an augmentation')], {
    absent: 'those of the data set',
    doc: 'Random changes of training images instead of those of the data set; false: none.',
  }),
}
const declared = options('training', trainingFields)
export type TrainingOptions = OptionsOf<typeof declared>

function isTrainer(trainer: unknown): boolean {
  return typeof (trainer as Partial<Trainer> | null)?.fit === 'function'
}

/** How the networks of a search are trained: `trainer` may depend on the architecture. */
export const searchTrainer = either(
  [ownTrainer, callback<(architecture: never) => Trainer | SupervisedTrainerOptions>(), supervisedOption],
  {
    absent: 'what a plugin provides, else the stock one',
    doc: 'A trainer of your own, or options of the stock one (`supervisedTrainer`); or a function that returns one of them for an architecture, if the space has decisions about the training.',
  },
)

/** The given trainer, else the one that a plugin provides, else the built-in one. */
export function trainerOf(
  { trainer, batchSize }: Pick<TrainingOptions, 'trainer' | 'batchSize'>,
  provided?: Trainer,
): Trainer {
  if (trainer && 'fit' in trainer) return trainer
  return provided ?? supervisedTrainer({ ...(batchSize !== undefined && { batchSize }), ...trainer })
}

/** The training split with the given augmentation. */
export function augmented(where: string, split: Split<'train'>, augment: Augmentation | false | undefined) {
  if (augment === undefined) return split
  if (!('images' in split && 'normalisation' in split))
    throw optionError(
      where,
      'augment',
      augment,
      'none, because this training split was not made by imageSplit(); augment its batches yourself',
    )
  return withAugmentation(split as ImageSplit<'train'>, augment || undefined)
}
