import {
  type Algorithm,
  type AlgorithmParts,
  alternate,
  type EventDraft,
  type FinishReason,
  type Genotype,
  type Json,
  type OneShotMethod,
  type OneShotStage,
  type OneShotSteps,
  type OptimizerFactory,
  type Supernet,
  type tokens,
} from '../../core/index.ts'
import { type CheckpointIdentity, type CheckpointOptions, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { type CollapseOptions, type CollapseWatch, collapseWatch } from './collapse.ts'
import { contentOf } from './data-content.ts'
import { tapping, WEIGHT_OPTIMIZER } from './weight-optimizer.ts'
import { courseOf, type WeightTrainer, type WeightTrainerOptions, weightTrainer } from './weight-trainer.ts'

/** Options of every search that trains shared weights in stages. */
export interface StagedOptions {
  readonly checkpoint?: CheckpointOptions | undefined
  readonly collapse?: CollapseOptions | false | undefined
  /** Number of steps per progress event. */
  readonly reportEvery: number
}

/** The most probable architecture, and the policy's entropy in nats with that of a uniform policy. */
export interface Likely {
  readonly genotype: Genotype
  readonly entropy?: { readonly value: number; readonly most: number }
}

/** The hooks that a method gives to the loop, and its state as plain JSON. */
export interface StagedStrategy extends Pick<OneShotMethod, 'weights' | 'policy'> {
  /** Called before the first epoch of a stage that this process runs, also if it resumes in the middle of the stage. */
  enter?(stage: number): void
  /** Checked for collapse after each progress event of the policy. */
  likely?(): Likely
  /** Derives and evaluates architectures at the end of a stage; yields events. */
  derive(stage: number, last: boolean): AsyncIterable<EventDraft>
  save(): Json
  restore(saved: Json): void
}

/** One search: a supernet, its optimizer, and the method's strategy. */
export interface StagedCourse<A> {
  readonly supernet: Supernet<A>
  readonly data: Parameters<typeof courseOf>[0]
  readonly stages: readonly OneShotStage[]
  /** The method's own optimizer of the shared weights; a plugin that provides `weight-optimizer` may wrap it. */
  readonly optimizer: OptimizerFactory
  readonly training: Omit<WeightTrainerOptions<A>, 'optimizer'>
  /** Everything that decides the course besides space, data, optimizer and seed. */
  readonly deciding: Readonly<Record<string, unknown>>
  strategy(trainer: WeightTrainer<A>, watch: CollapseWatch): StagedStrategy
}

interface SavedState {
  readonly done: number
  readonly policySteps: number
  readonly strategy: Json
}

/**
 * The one loop of all methods on shared weights, to be bound with `bind(tokens.ALGORITHM).toFactory(stagedSearch(…))`:
 * it makes the trainer of the weights, restores and writes checkpoints, alternates weights and policy stage by stage,
 * and watches for collapse. A strategy whose random numbers derive from the epoch continues from a checkpoint as if it
 * had never stopped. Errors of the search: ARCHLOOM_WEIGHT_SHARING_DIVERGED, ARCHLOOM_CHECKPOINT_OTHER,
 * ARCHLOOM_CHECKPOINT_CORRUPT.
 */
export const stagedSearch =
  <A>(name: string, read: StagedOptions, begin: (parts: AlgorithmParts) => StagedCourse<A>) =>
  (_get: <T>(token: tokens.Token<T>) => T, find: <T>(token: tokens.Token<T>) => T | undefined): Algorithm => {
    const wrap = find(WEIGHT_OPTIMIZER)
    const { checkpoint, reportEvery } = read
    return async function* (parts): AsyncGenerator<EventDraft, FinishReason, void> {
      const { space } = parts
      const { supernet, data, stages, optimizer: own, training, deciding, strategy: make } = begin(parts)
      using trainer = weightTrainer(supernet, { ...training, optimizer: wrap ? wrap(own) : tapping(own) })
      const watch = collapseWatch(space, read.collapse)
      const strategy = make(trainer, watch)
      const seed = parts.rng.snapshot().origin
      // Reading all data is worth it only where a checkpoint could belong to other data.
      const content = checkpoint && { train: await contentOf(data.train), validation: await contentOf(data.validation) }
      const identity: CheckpointIdentity = {
        method: name,
        space: space.fingerprint,
        spaceName: space.name,
        settings: JSON.stringify({ ...deciding, ...courseOf(data, trainer), seed, content }),
      }
      const known = checkpoint && readCheckpoint(checkpoint.directory, identity)
      const state = known?.state as SavedState | undefined
      if (known && state) {
        supernet.load(known.weights)
        await trainer.load(known.optimizer)
        strategy.restore(state.strategy)
      }
      const { policy } = strategy
      const method: OneShotMethod = {
        stages,
        done: state?.done ?? 0,
        before: { weights: trainer.steps, policy: state?.policySteps ?? 0 },
        enter: (stage) => strategy.enter?.(stage),
        weights: (epoch) => strategy.weights(epoch),
        ...(policy && { policy: (epoch) => policy(epoch) }),
        ...(checkpoint && {
          saved: async (done: number, last: boolean, steps: OneShotSteps) => {
            if (!last && done % (checkpoint.everyEpochs ?? 1) !== 0) return undefined
            const saved: SavedState = { done, policySteps: steps.policy, strategy: strategy.save() }
            const [weights, optimizer] = [await supernet.save(), await trainer.save()]
            return writeCheckpoint(checkpoint.directory, identity, { weights, optimizer, state: { ...saved } })
          },
        }),
        derive: (stage, last) => strategy.derive(stage, last),
      }
      const loop = alternate(method, parts, { reportEvery })
      try {
        for (let next = await loop.next(); ; next = await loop.next()) {
          if (next.done) return parts.signal.aborted ? 'algorithm' : (parts.spent() ?? next.value)
          yield next.value
          if (next.value.type === 'policy.progress') yield* watched(strategy, watch)
        }
      } finally {
        await loop.return('algorithm')
      }
    }
  }

function* watched({ likely }: StagedStrategy, watch: CollapseWatch): Iterable<EventDraft> {
  const found = likely?.()
  if (!found) return
  yield* watch.architecture(found.genotype, 'the likeliest architecture')
  if (found.entropy) yield* watch.entropy(found.entropy.value, found.entropy.most)
}

/** Yields the events of trials, then a warning if the best feasible architecture has collapsed. */
export async function* watchedTrials(
  events: AsyncIterable<EventDraft>,
  watch: CollapseWatch,
): AsyncGenerator<EventDraft, void, void> {
  let best: { readonly genotype: Genotype; readonly reward: number } | undefined
  for await (const event of events) {
    yield event
    if (event.type === 'trial.completed' && event.feasible && !(best && best.reward >= event.reward)) best = event
  }
  if (best) yield* watch.architecture(best.genotype, 'the derived architecture')
}
