import { type Clock, realClock } from '../../core/clock.ts'
import {
  callback,
  options as declare,
  isObject,
  number,
  type OptionsOf,
  required,
  value,
} from '../../core/options/index.ts'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import type { BuildOptions, Dataset, Network, Progress, Split, Trainer } from '../../core/trainer.ts'
import { classify } from '../metrics/classification.ts'
import { meanLoss } from '../metrics/mean-loss.ts'
import { parameterCount } from '../metrics/parameters.ts'
import { augmented, trainerOf, trainingFields } from './options.ts'

const declared = declare('retrain', {
  /** All three splits. */
  data: required(value<Dataset>('a data set with train, validation and test splits', { holds: isObject })),
  ...trainingFields,
  /** Default 1. */
  seed: number({ default: 1 }),
  /** Called with every report of the trainer. */
  onProgress: callback<(progress: Progress) => void>(),
  signal: value<AbortSignal>('an AbortSignal'),
  clock: value<Clock>('a clock'),
})
export type RetrainOptions = OptionsOf<typeof declared>

/** A winner trained at full length; owns its network: hold it with `using`. */
export interface Retrained extends Disposable {
  readonly network: Network
  /** On the test split, measured once. Absent where the targets are not classes. */
  readonly testAccuracy?: number
  /** On the test split, by the trainer's loss. Absent where the targets are not classes and the trainer has no loss. */
  readonly testLoss?: number
  /** Absent where the targets are not classes. */
  readonly validationAccuracy?: number
  /** As testLoss, on the validation split. */
  readonly validationLoss?: number
  readonly parameters: number
  /** Training time, without the measurements. */
  readonly seconds: number
}

/**
 * Trains the winner of a search from fresh weights and measures it on the test split: the only place that looks at it.
 * Takes anything that builds a network, such as `search.best(1)[0]`.
 * Errors: ARCHLOOM_OPTION, those of the trainer; the reason of an aborted signal.
 */
export async function retrain(
  winner: { build(options: BuildOptions): Network },
  options: RetrainOptions,
): Promise<Retrained> {
  const { data, seed, onProgress, signal, clock = realClock } = declared.read(options)
  const train = augmented('retrain', data.train, options.augment)
  const trainer = trainerOf(options)
  await useEngine(options.engine)
  const rng = seeded(seed)
  const network = winner.build({ input: train.inputShape, classes: train.classes, rng: rng.fork('weights') })
  try {
    const began = clock.now()
    const abort = signal ? { signal } : {}
    const fit = { epochs: options.epochs, rng: rng.fork('training'), validation: data.validation, ...abort }
    for await (const progress of trainer.fit(network, train, fit)) onProgress?.(progress)
    signal?.throwIfAborted()
    const seconds = (clock.now() - began) / 1000
    const validation = await measured(network, data.validation, trainer, abort)
    const test = await measured(network, data.test, trainer, abort)
    return {
      network,
      ...(test.accuracy !== undefined && { testAccuracy: test.accuracy }),
      ...(test.loss !== undefined && { testLoss: test.loss }),
      ...(validation.accuracy !== undefined && { validationAccuracy: validation.accuracy }),
      ...(validation.loss !== undefined && { validationLoss: validation.loss }),
      parameters: parameterCount(network),
      seconds,
      [Symbol.dispose]: () => network[Symbol.dispose](),
    }
  } catch (thrown) {
    network[Symbol.dispose]()
    throw thrown
  }
}

/** Accuracy and cross-entropy of a classifier, the trainer's own loss of any other network. */
async function measured(
  network: Network,
  split: Split,
  { loss }: Trainer,
  options: { readonly signal?: AbortSignal },
): Promise<{ readonly accuracy?: number; readonly loss?: number }> {
  if (split.classes > 0) return await classify(network, split, options)
  return loss ? { loss: await meanLoss(network, split, loss, options) } : {}
}
