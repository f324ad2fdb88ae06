import type { Clock } from '../clock.ts'
import type { Controller } from '../controller.ts'
import type { Evaluator } from '../evaluator.ts'
import type { Random } from '../random.ts'
import type { SearchSpace } from '../space/space.ts'
import type { Outcome } from '../trial/evaluate.ts'
import type { CommitMode, EventDraft, FinishReason } from '../trial/events.ts'
import type { Job, Trials } from '../trial/lifecycle.ts'

/** What an algorithm works with. */
export interface AlgorithmParts<A = unknown> {
  readonly space: SearchSpace<A>
  /** Undefined if no plugin provides one. */
  readonly controller: Controller | undefined
  readonly evaluator: Evaluator<A>
  readonly rng: Random
  readonly clock: Clock
  /** Aborted when the search is asked to stop. */
  readonly signal: AbortSignal
  readonly concurrency: number
  readonly commit: CommitMode
  /** Proposes, ends and commits trials. After a resume it is already in the right state. */
  readonly trials: Trials<A>
  /**
   * Evaluates a rung of a trial with the settings of the search: bounds, time limit, required metrics, checkpoints,
   * scheduler. `publish` receives the events of the evaluation. Never throws.
   */
  readonly evaluate: (job: Job, publish: (draft: EventDraft) => void) => Promise<Outcome>
  /** Opens the next trial that a person asked for, if any, and returns the event that says so. */
  readonly enqueued: () => EventDraft | undefined
  /** The reason to propose nothing more, or undefined. */
  readonly spent: () => FinishReason | undefined
}

/**
 * A search method. It yields events, one or several at once, and returns the reason why it ended. The host checks,
 * writes and publishes them before it asks for the next ones.
 */
export type Algorithm<A = unknown> = (
  parts: AlgorithmParts<A>,
) => AsyncGenerator<EventDraft | readonly EventDraft[], FinishReason, void>
