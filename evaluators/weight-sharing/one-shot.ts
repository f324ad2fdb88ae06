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

/** Defaults of a method that trains shared weights. */
export interface OneShotDefaults {
  readonly epochs: number
  readonly learningRate: number
  readonly minLearningRate: number
  readonly nesterov: boolean
  readonly weightDecay: number
}

/** How long and how shared weights are trained: the options that all one-shot methods have in common. */
export const oneShotFields = ({ epochs, learningRate, minLearningRate, nesterov, weightDecay }: OneShotDefaults) => ({
  /** Passes over the training split after the warm-up. */
  epochs: whole({ min: 1, default: epochs }),
  /** Training before the method itself begins. */
  warmUp: group({
    /** Passes before, in which the weights alone are trained. Default 0. */
    epochs: whole({ min: 0, default: 0 }),
  }),
  /** Of the shared weights. Falls along half a cosine, over all epochs, from `learningRate` to `minLearningRate`. */
  learningRate: number({ above: 0, default: learningRate }),
  /** The last learning rate of the shared weights. Default: at most `learningRate`. */
  minLearningRate: number({ min: 0, absent: `${minLearningRate}, or \`learningRate\` where that is less` }),
  /** Of the shared weights' SGD. Default 0.9. */
  momentum: number({ min: 0, below: 1, default: 0.9 }),
  /** Whether the momentum is Nesterov's. */
  nesterov: flag({ default: nesterov }),
  /** L2 penalty on kernels. */
  weightDecay: number({ min: 0, default: weightDecay }),
  /** Largest global norm of the weights' gradients. Default 5. */
  clipNorm: number({ above: 0, infinite: true, default: 5 }),
  /** Probability of dropping a path while training. Default 0. */
  dropPath: number({ min: 0, below: 1, default: 0 }),
  /** Where the search's state is kept, and from where it goes on. */
  checkpoint: checkpointOption,
  /** Steps that one progress event stands for. Default 50. */
  reportEvery: whole({ min: 1, default: 50 }),
  /** When to measure what weight steps do to earlier architectures (methods that train paths); false: never. */
  disturbance: disturbanceOption,
  /** When to warn that the search has collapsed; false: never. */
  collapse: collapseOption,
})
export type OneShotOptions = Resolved<ReturnType<typeof oneShotFields>>

/** Which of them decide a search's course. */
export const oneShotDeciding: Deciding<OneShotOptions> = {
  ...{ epochs: true, warmUp: true, learningRate: true, minLearningRate: true, momentum: true, nesterov: true },
  ...{ weightDecay: true, clipNorm: true, dropPath: true },
  ...{ checkpoint: false, reportEvery: false, disturbance: false, collapse: false },
}

/** Spellings of other methods, each with the name that replaces it. */
export const oneShotRenamed = {
  warmUpEpochs: 'warmUp.epochs',
  policyLearningRate: 'controller.learningRate',
  architectureLearningRate: 'controller.learningRate',
  architectureWeightDecay: 'controller.weightDecay',
} as const

/** What a strategy works with. */
export interface OneShotParts {
  readonly space: AlgorithmParts['space']
  readonly shared: SharedWeights
  readonly trainer: WeightTrainer<unknown>
  /** For initial state. */
  readonly rng: Random
  /** Epochs planned, warm-up included. */
  readonly epochs: number
  /**
   * One pass over the training split in an order of the epoch's own. Sets the learning rate before each step; after it
   * disposes the batch and lets the event loop have its turn.
   */
  train(epoch: OneShotEpoch, step: (batch: Batch, rng: Random) => Promise<Metrics>): AsyncIterable<Metrics>
  /** Validation batches without end, shuffled anew at each pass. The generator is the epoch's own. */
  validation(epoch: OneShotEpoch): Iterator<Batch, never>
}

/** What a method does with shared weights. Owns whatever it makes. */
export interface OneShotStrategy {
  weights(epoch: OneShotEpoch): AsyncIterable<Metrics>
  policy?(epoch: OneShotEpoch): AsyncIterable<Metrics>
  /** Looked at after each policy epoch, for collapse. */
  likely?(): Likely
  /** What is tried at the end, each as a trial. Absent: the search's controller goes on from there, trial by trial. */
  derive?(): readonly Genotype[]
  /** Everything that changes, as plain JSON. */
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

/** What the plugin of a one-shot method needs. */
export const oneShotNeeds = [
  'space',
  'evaluator:weight-sharing',
  { need: 'shared-weights', remedy: 'Use weightSharing() from archloom/evaluators/weight-sharing.' },
  'supernet',
] as const

/**
 * The algorithm of a one-shot method, to be bound with `bind(tokens.ALGORITHM).toFactory(oneShot(definition))`: trains
 * the supernet of the search's weight-sharing evaluator beside the strategy's policy, watches for collapse, writes and
 * takes up checkpoints, and tries what the strategy derives. Takes up the capability `weight-optimizer` where another
 * plugin provides it. Throws ARCHLOOM_OPTION; its search ARCHLOOM_WEIGHT_SHARING_DIVERGED, ARCHLOOM_CHECKPOINT_….
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
      ...{ supernet, data: shared, deciding },
      stages: [{ name: 'supernet', warmUpEpochs, epochs, facts }],
      optimizer: () => momentum({ learningRate, momentum: kept, nesterov, weightDecay, decays }),
      training: { steps, dropPath, clipNorm, disturbance },
      strategy(trainer, watch) {
        const rated: { learningRate?: number } = trainer.optimizer as object
        const own = make({
          ...{ space, shared, trainer, rng: rng.fork('initial'), epochs: warmUpEpochs + epochs },
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

/** Trials of what was derived, or of what the search's controller proposes on the trained weights. */
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
