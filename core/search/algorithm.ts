import type { Clock } from '../clock.ts'
import type { Controller } from '../controller.ts'
import type { Evaluator } from '../evaluator.ts'
import type { Random } from '../random.ts'
import type { SearchSpace } from '../space/space.ts'
import type { EventDraft, FinishReason } from './events.ts'
import type { Trials } from './trials.ts'

/** What an algorithm works with. */
export interface AlgorithmParts<A = unknown> {
  readonly space: SearchSpace<A>
  /** Present where a plugin provides one. */
  readonly controller: Controller | undefined
  readonly evaluator: Evaluator<A>
  readonly rng: Random
  readonly clock: Clock
  /** Aborted when the search is asked to stop. */
  readonly signal: AbortSignal
  readonly concurrency: number
  /** The bookkeeping of trials: proposing, ending, committing; already at its place after a resume. */
  readonly trials: Trials<A>
  /** The reason to propose nothing more, or undefined. */
  readonly spent: () => FinishReason | undefined
}

/**
 * The algorithm box of a paper: yields events, and returns why it ended.
 * The host writes, checks and publishes each event before it asks for the next one.
 */
export type Algorithm<A = unknown> = (parts: AlgorithmParts<A>) => AsyncGenerator<EventDraft, FinishReason, void>
