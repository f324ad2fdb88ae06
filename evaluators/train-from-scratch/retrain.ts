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
  data: required(
    value<Dataset>('a data set with train, validation and test splits', { holds: isObject, doc: 'All three splits.' }),
  ),
  ...trainingFields,
  seed: number({ default: 1, doc: 'Seed of everything random.' }),
  onProgress: callback<(progress: Progress) => void>({ doc: 'Called with every report of the trainer.' }),
  signal: value<AbortSignal>('an AbortSignal', { doc: 'Ends the training early.' }),
  clock: value<Clock>('a clock', { doc: 'Tells the time.' }),
})
export type RetrainOptions = OptionsOf<typeof declared>

/** A retrained network with its measurements. It owns the network: hold it with `using`. */
export interface Retrained extends Disposable {
  readonly network: Network
  /** Accuracy on the test split, measured once. Undefined if the targets are not classes. */
  readonly testAccuracy?: number
  /**
   * Loss on the test split: cross-entropy for classes, otherwise the trainer's loss. Undefined if the trainer has
   * none.
   */
  readonly testLoss?: number
  /** Accuracy on the validation split. Undefined if the targets are not classes. */
  readonly validationAccuracy?: number
  /** Like testLoss, on the validation split. */
  readonly validationLoss?: number
  readonly parameters: number
  /** Training time in seconds, without the measurements. */
  readonly seconds: number
}

/**
 * Trains the winner of a search from newly initialised weights and measures it on the test split, which nothing else
 * uses. Accepts anything that builds a network, such as `search.best(1)[0]`. Errors: ARCHLOOM_OPTION, those of the
 * trainer, and the reason of an aborted signal.
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

/** Measures accuracy and cross-entropy of a classifier, or the trainer's loss of any other network. */
async function measured(
  network: Network,
  split: Split,
  { loss }: Trainer,
  options: { readonly signal?: AbortSignal },
): Promise<{ readonly accuracy?: number; readonly loss?: number }> {
  if (split.classes > 0) return await classify(network, split, options)
  return loss ? { loss: await meanLoss(network, split, loss, options) } : {}
}
