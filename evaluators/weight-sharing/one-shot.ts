import * as tf from '@tensorflow/tfjs-core'
import {
  type AlgorithmParts,
  askTell,
  type Batch,
  type EventDraft,
  type Genotype,
  type Json,
  measureTrials,
  type OneShotEpoch,
  oneByOne,
  type Random,
} from '../../core/index.ts'
import { flag, group, number, optionError, type Resolved, whole } from '../../core/options/index.ts'
import { momentum } from '../../core/tensor/index.ts'
import { batchesOf } from '../training/batches.ts'
import { cosine } from '../training/schedules.ts'
import { checkpointOption, type Deciding } from './checkpoint.ts'
import { type CollapseWatch, collapseOption } from './collapse.ts'
import { disturbanceOption, disturbanceWatch } from './disturbance.ts'
import { type SharedWeights, sharedWeightsOf } from './evaluator.ts'
import { type Likely, stagedSearch, watchedTrials } from './staged-search.ts'
import type { WeightTrainer } from './weight-trainer.ts'

type Metrics = Readonly<Record<string, number>>

/** The defaults of a method that trains shared weights. */
export interface OneShotDefaults {
  readonly epochs: number
  readonly learningRate: number
  readonly minLearningRate: number
  readonly nesterov: boolean
  readonly weightDecay: number
}

/** The options that all one-shot methods have in common: how shared weights are trained. */
export const oneShotFields = ({ epochs, learningRate, minLearningRate, nesterov, weightDecay }: OneShotDefaults) => ({
  epochs: whole({ min: 1, default: epochs, doc: 'Passes over the training split after the warm-up.' }),
  warmUp: group(
    {
      epochs: whole({ min: 0, default: 0, doc: 'Passes before, in which the weights alone are trained.' }),
    },
    { doc: 'Training before the method itself begins.' },
  ),
  learningRate: number({
    above: 0,
    default: learningRate,
    doc: 'Learning rate of the shared weights. Falls along half a cosine, over all epochs, from `learningRate` to `minLearningRate`.',
  }),
  minLearningRate: number({
    min: 0,
    absent: `${minLearningRate}, or \`learningRate\` where that is less`,
    doc: 'The last learning rate of the shared weights.',
  }),
  momentum: number({ min: 0, below: 1, default: 0.9, doc: "Momentum of the shared weights' SGD." }),
  nesterov: flag({ default: nesterov, doc: "Whether the momentum is Nesterov's." }),
  weightDecay: number({ min: 0, default: weightDecay, doc: 'L2 penalty on kernels.' }),
  clipNorm: number({ above: 0, infinite: true, default: 5, doc: "Largest global norm of the weights' gradients." }),
  dropPath: number({ min: 0, below: 1, default: 0, doc: 'Probability of dropping a path while training.' }),
  /** Where the search's state is kept, and from where it goes on. */
  checkpoint: checkpointOption,
  reportEvery: whole({ min: 1, default: 50, doc: 'Steps that one progress event stands for.' }),
  /** When to measure what weight steps do to earlier architectures (methods that train paths); false: never. */
  disturbance: disturbanceOption,
  /** When to warn that the search has collapsed; false: never. */
  collapse: collapseOption,
})
export type OneShotOptions = Resolved<ReturnType<typeof oneShotFields>>

/** Which of these options decide the course of a search. */
export const oneShotDeciding: Deciding<OneShotOptions> = {
  epochs: true,
  warmUp: true,
  learningRate: true,
  minLearningRate: true,
  momentum: true,
  nesterov: true,
  weightDecay: true,
  clipNorm: true,
  dropPath: true,
  checkpoint: false,
  reportEvery: false,
  disturbance: false,
  collapse: false,
}

/** Names that other methods use, each with the name that replaces it. */
export const oneShotRenamed = {
  warmUpEpochs: 'warmUp.epochs',
  policyLearningRate: 'controller.learningRate',
  architectureLearningRate: 'controller.learningRate',
  architectureWeightDecay: 'controller.weightDecay',
} as const

/** The parts of a search that a strategy uses. */
export interface OneShotParts {
  readonly space: AlgorithmParts['space']
  readonly shared: SharedWeights
  readonly trainer: WeightTrainer<unknown>
  /** Random generator for the initial state. */
  readonly rng: Random
  /** Number of planned epochs, including the warm-up. */
  readonly epochs: number
  /**
   * Runs one pass over the training split, in an order that depends on the epoch. It sets the learning rate before
   * each step; after each step it disposes the batch and lets the event loop run.
   */
  train(epoch: OneShotEpoch, step: (batch: Batch, rng: Random) => Promise<Metrics>): AsyncIterable<Metrics>
  /** Endless validation batches, shuffled at each pass by a generator that depends on the epoch. */
  validation(epoch: OneShotEpoch): Iterator<Batch, never>
}

/** What a method does with shared weights. It owns the tensors that it makes. */
export interface OneShotStrategy {
  weights(epoch: OneShotEpoch): AsyncIterable<Metrics>
  policy?(epoch: OneShotEpoch): AsyncIterable<Metrics>
  /** Checked for collapse after each policy epoch. */
  likely?(): Likely
  /**
   * The architectures that are evaluated at the end, each as a trial. Without it, the controller of the search
   * continues with trials on the trained weights.
   */
  derive?(): readonly Genotype[]
  /** Returns the whole state as plain JSON. */
  save(): Json
  restore(saved: Json): void
}

export interface OneShotDefinition {
  readonly name: string
  readonly options: OneShotOptions
  /** The options that decide the course, by name: `decidingOf(options, deciding)`. */
  readonly deciding: Readonly<Record<string, unknown>>
  readonly defaults: Pick<OneShotDefaults, 'minLearningRate'>
  strategy(parts: OneShotParts): OneShotStrategy
}

/** The needs of the plugin of a one-shot method. */
export const oneShotNeeds = [
  'space',
  'evaluator:weight-sharing',
  { need: 'shared-weights', remedy: 'Use weightSharing() from archloom/evaluators/weight-sharing.' },
  'supernet',
] as const

/**
 * The algorithm of a one-shot method, to be bound with `bind(tokens.ALGORITHM).toFactory(oneShot(definition))`: it
 * trains the supernet of the search's weight-sharing evaluator together with the strategy's policy, watches for
 * collapse, writes and restores checkpoints, and evaluates the architectures that the strategy derives. It uses the
 * capability `weight-optimizer` if another plugin provides it. Errors: ARCHLOOM_OPTION; from the search,
 * ARCHLOOM_WEIGHT_SHARING_DIVERGED, ARCHLOOM_CHECKPOINT_….
 */
export function oneShot({ name, options, deciding, defaults, strategy: make }: OneShotDefinition) {
  const { epochs, learningRate, momentum: kept, nesterov, weightDecay, clipNorm, dropPath } = options
  const warmUpEpochs = options.warmUp.epochs
  const { minLearningRate = Math.min(defaults.minLearningRate, learningRate) } = options
  if (minLearningRate > learningRate)
    throw optionError(name, 'minLearningRate', minLearningRate, 'a number from 0 to learningRate')
  const rate = cosine({ peak: learningRate, floor: minLearningRate })
  const decays = (variable: tf.Variable) => variable.rank > 1

  return stagedSearch(name, options, (parts) => {
    const { space } = parts
    const shared = sharedWeightsOf(parts.evaluator, name)
    const { supernet, train } = shared
    const rng = parts.rng.fork(name)
    const batchSize = Math.min(shared.batchSize, train.size)
    const perEpoch = Math.floor(train.size / batchSize)
    const steps = (warmUpEpochs + epochs) * perEpoch
    const disturbance = disturbanceWatch(shared, options.disturbance)
    const facts = { method: name, stepsPerEpoch: perEpoch, batchSize }
    return {
      supernet,
      data: shared,
      deciding,
      stages: [{ name: 'supernet', warmUpEpochs, epochs, facts }],
      optimizer: () => momentum({ learningRate, momentum: kept, nesterov, weightDecay, decays }),
      training: { steps, dropPath, clipNorm, disturbance },
      strategy(trainer, watch) {
        const rated: { learningRate?: number } = trainer.optimizer as object
        const own = make({
          space,
          shared,
          trainer,
          rng: rng.fork('initial'),
          epochs: warmUpEpochs + epochs,
          async *train(epoch, step) {
            const stream = rng.fork(`weights/${epoch.index}`)
            const noise = stream.fork('noise')
            disturbance?.forget()
            for (const batch of train.batches({ batchSize, rng: stream, dropRemainder: true })) {
              if (rated.learningRate !== undefined) rated.learningRate = rate(trainer.steps, steps)
              const now = rated.learningRate
              let metrics: Metrics
              try {
                metrics = await step(batch, noise)
              } finally {
                tf.dispose([batch.inputs, batch.targets])
              }
              yield { ...metrics, ...(now !== undefined && { learningRate: now }) }
            }
          },
          validation(epoch) {
            const stream = rng.fork(`validation/${epoch.index}`)
            return batchesOf(shared.validation, {
              batchSize: Math.min(batchSize, shared.validation.size),
              order: (pass) => stream.fork(`pass/${pass}`),
            }) as Iterator<Batch, never>
          },
        })
        return { ...own, derive: () => derived(parts, own, watch) }
      },
    }
  })
}

/**
 * Runs the trials of the derived architectures, or of those that the search's controller proposes on the trained
 * weights.
 */
async function* derived(
  parts: AlgorithmParts,
  strategy: OneShotStrategy,
  watch: CollapseWatch,
): AsyncGenerator<EventDraft, void, void> {
  if (!strategy.derive) {
    yield { type: 'stage.started', stage: 'search', index: 1, facts: {} }
    yield* watchedTrials(oneByOne(askTell()(parts)), watch)
    return
  }
  const genotypes = strategy.derive()
  yield { type: 'stage.started', stage: 'derivation', index: 1, facts: { architectures: genotypes.length } }
  for (const genotype of genotypes) yield* watch.architecture(genotype, 'the derived architecture')
  yield* measureTrials(
    genotypes.map((genotype) => ({ genotype })),
    parts,
  )
}
