import * as tf from '@tensorflow/tfjs-core'
import {
  type Algorithm,
  type AlgorithmParts,
  alternate,
  askTell,
  type Batch,
  type EventDraft,
  type FinishReason,
  type Genotype,
  type Json,
  measureTrials,
  type OneShotEpoch,
  type OneShotMethod,
  oneByOne,
  type Random,
  type Split,
  type tokens,
} from '../../core/index.ts'
import { flag, group, number, optionError, type Resolved, whole } from '../../core/options/index.ts'
import { momentum } from '../../core/tensor/index.ts'
import { cosine } from '../training/schedules.ts'
import { type CheckpointIdentity, checkpointOption, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { type CollapseWatch, collapseOption, collapseWatch } from './collapse.ts'
import { disturbanceOption, disturbanceWatch } from './disturbance.ts'
import { type SharedWeights, sharedWeightsOf } from './evaluator.ts'
import { tapping, WEIGHT_OPTIMIZER } from './weight-optimizer.ts'
import { courseOf, type WeightTrainer, weightTrainer } from './weight-trainer.ts'

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

/** The likeliest architecture, and the policy's entropy in nats beside that of a uniform policy. */
export interface Likely {
  readonly genotype: Genotype
  readonly entropy?: { readonly value: number; readonly most: number }
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

/** Batches without end: each pass in an order of its own. */
function* passes(split: Split, batchSize: number, rng: Random): Generator<Batch, never> {
  for (let pass = 0; ; pass++) yield* split.batches({ batchSize, rng: rng.fork(`pass/${pass}`), dropRemainder: true })
}

const eventLoopTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/**
 * The algorithm of a one-shot method, to be bound with `bind(tokens.ALGORITHM).toFactory(oneShot(definition))`: trains
 * the supernet of the search's weight-sharing evaluator beside the strategy's policy, watches for collapse, writes and
 * takes up checkpoints, and tries what the strategy derives. Takes up the capability `weight-optimizer` where another
 * plugin provides it. Throws ARCHLOOM_OPTION; its search ARCHLOOM_WEIGHT_SHARING_DIVERGED, ARCHLOOM_CHECKPOINT_….
 */
export function oneShot({ name, options, defaults, strategy: make }: OneShotDefinition) {
  const { epochs, learningRate, weightDecay, clipNorm, dropPath } = options
  const warmUpEpochs = options.warmUp.epochs
  const { minLearningRate = Math.min(defaults.minLearningRate, learningRate) } = options
  if (minLearningRate > learningRate)
    throw optionError(name, 'minLearningRate', minLearningRate, 'a number from 0 to learningRate')
  const rate = cosine({ peak: learningRate, floor: minLearningRate })
  const own = () =>
    momentum({
      ...{ learningRate, momentum: options.momentum, nesterov: options.nesterov, weightDecay },
      decays: (variable) => variable.rank > 1,
    })
  const { checkpoint, reportEvery, collapse, disturbance: watching, ...settings } = options

  return (_get: <T>(token: tokens.Token<T>) => T, find: <T>(token: tokens.Token<T>) => T | undefined): Algorithm => {
    const wrap = find(WEIGHT_OPTIMIZER)
    return async function* (parts): AsyncGenerator<EventDraft, FinishReason, void> {
      const { space, signal } = parts
      const shared = sharedWeightsOf(parts.evaluator, name)
      const { supernet, train } = shared
      const rng = parts.rng.fork(name)
      const batchSize = Math.min(shared.batchSize, train.size)
      const perEpoch = Math.floor(train.size / batchSize)
      const steps = (warmUpEpochs + epochs) * perEpoch
      const disturbance = disturbanceWatch(shared, watching)
      using trainer = weightTrainer(supernet, {
        ...{ optimizer: wrap ? wrap(own) : tapping(own), steps, dropPath, disturbance },
        ...(clipNorm < Number.POSITIVE_INFINITY && { clipNorm }),
      })
      const rated: { learningRate?: number } = trainer.optimizer as object
      const strategy = make({
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
            await eventLoopTurn()
          }
        },
        validation: (epoch) =>
          passes(shared.validation, Math.min(batchSize, shared.validation.size), rng.fork(`validation/${epoch.index}`)),
      })

      const identity: CheckpointIdentity = {
        method: name,
        space: space.fingerprint,
        spaceName: space.name,
        settings: JSON.stringify({ ...settings, ...courseOf(shared, trainer), seed: parts.rng.snapshot().origin }),
      }
      const known = checkpoint && readCheckpoint(checkpoint.directory, identity)
      if (known) {
        supernet.load(known.weights)
        await trainer.load(known.optimizer)
        strategy.restore((known.state as { strategy: Json }).strategy)
      }

      const watch = collapseWatch(space, collapse)
      const method: OneShotMethod = {
        stages: [
          { name: 'supernet', warmUpEpochs, epochs, facts: { method: name, stepsPerEpoch: perEpoch, batchSize } },
        ],
        done: known ? (known.state as { done: number }).done : 0,
        enter: () => {},
        weights: (epoch) => strategy.weights(epoch),
        ...(strategy.policy && { policy: (epoch: OneShotEpoch) => strategy.policy?.(epoch) ?? none() }),
        ...(checkpoint && {
          saved: async (done: number, last: boolean) => {
            if (!last && done % (checkpoint.everyEpochs ?? 1) !== 0) return undefined
            const state = { done, strategy: strategy.save() }
            const [weights, optimizer] = [await supernet.save(), await trainer.save()]
            return writeCheckpoint(checkpoint.directory, identity, { weights, optimizer, state })
          },
        }),
        derive: () => derived(parts, strategy, watch),
      }
      const loop = alternate(method, parts, { reportEvery })
      try {
        for (let next = await loop.next(); ; next = await loop.next()) {
          if (next.done) return signal.aborted ? 'algorithm' : (parts.spent() ?? next.value)
          yield next.value
          if (next.value.type === 'policy.progress') yield* watched(strategy, watch)
        }
      } finally {
        await loop.return('algorithm')
      }
    }
  }
}

async function* none(): AsyncIterable<Metrics> {}

function* watched({ likely }: OneShotStrategy, watch: CollapseWatch): Iterable<EventDraft> {
  const found = likely?.()
  if (!found) return
  yield* watch.architecture(found.genotype, 'the likeliest architecture')
  if (found.entropy) yield* watch.entropy(found.entropy.value, found.entropy.most)
}

/** Trials of what was derived, or of what the search's controller proposes on the trained weights. */
async function* derived(
  parts: AlgorithmParts,
  strategy: OneShotStrategy,
  watch: CollapseWatch,
): AsyncGenerator<EventDraft, void, void> {
  if (strategy.derive) {
    const genotypes = strategy.derive()
    yield { type: 'stage.started', stage: 'derivation', index: 1, facts: { architectures: genotypes.length } }
    for (const genotype of genotypes) yield* watch.architecture(genotype, 'the derived architecture')
    yield* measureTrials(
      genotypes.map((genotype) => ({ genotype })),
      parts,
    )
    return
  }
  yield { type: 'stage.started', stage: 'search', index: 1, facts: {} }
  let best: { readonly genotype: Genotype; readonly reward: number } | undefined
  for await (const event of oneByOne(askTell()(parts))) {
    yield event
    if (event.type === 'trial.completed' && event.feasible && event.reward > (best?.reward ?? Number.NEGATIVE_INFINITY))
      best = event
  }
  if (best) yield* watch.architecture(best.genotype, 'the derived architecture')
}
