import type { Clock } from './clock.ts'
import type { Paper } from './paper.ts'
import type { Random } from './random.ts'
import type { Genotype, Json } from './space/decision.ts'
import type { SearchSpace } from './space/space.ts'
import type { Trainer } from './trainer.ts'

/** How an evaluator comes to its numbers; plugins state which they need. */
export type EvaluatorKind = 'from-scratch' | 'weight-sharing' | 'tabular' | 'zero-cost'

export interface EvaluationRequest<A = unknown> {
  readonly trial: number
  readonly genotype: Genotype
  readonly architecture: A
  /** Derived from the search's seed and the trial's number, so that one trial can be run again alone. */
  readonly seed: number
  /** Share of the full effort, in (0, 1]; 1 unless the search uses several fidelities. */
  readonly fidelity: number
}

/** What an evaluator saved at the end of an earlier rung of the same trial. */
export interface Checkpoint {
  /** Fidelity that was reached. */
  readonly fidelity: number
  readonly data: Uint8Array
}

export interface EvaluationContext {
  /** Aborted on timeout and on stop; an evaluator that trains checks it at every step. */
  readonly signal: AbortSignal
  /**
   * Publishes numbers on the way, as `trial.progress`. 'stop': the scheduler gives the trial up; measure what there is,
   * return it, and the trial is recorded as pruned. Error: ARCHLOOM_REPORT_INVALID.
   */
  report(step: number, metrics: Readonly<Record<string, number>>): 'continue' | 'stop'
  /** Publishes facts that are not numbers of a step (an image that was written, say), as `plugin.event`. */
  tell(name: string, facts: Json, plugin?: string): void
  /** Of an evaluator that `queues`: the work begins now, and the time limit counts from here. */
  started(): void
  /** What was saved at this trial's last rung: continue from it instead of starting afresh. */
  readonly checkpoint?: Checkpoint
  /** Present where the search has a scheduler that may continue this trial: saves what the next rung goes on from. */
  saveCheckpoint?(data: Uint8Array): void
}

export interface Evaluation {
  /**
   * Named numbers: accuracy, multiplyAdds, parameters, latencyMs, … An objective that is NaN or infinitely bad fails the
   * trial; other metrics may be anything.
   */
  readonly metrics: Readonly<Record<string, number>>
  /** Seconds the evaluation would have taken, for tables: moves a virtual clock. */
  readonly simulatedSeconds?: number
}

/** Measures one architecture. Misfortune of a trial may throw: the host records it as a failed trial. */
export interface Evaluator<A = unknown> extends Partial<AsyncDisposable> {
  readonly kind: EvaluatorKind
  readonly name: string
  /** How many evaluations may run at once. Default 1: tfjs has one scope stack a process. */
  readonly concurrency?: number
  /** Evaluations may wait before they begin, and call `context.started()` when they do. */
  readonly queues?: true
  evaluate(request: EvaluationRequest<A>, context: EvaluationContext): Promise<Evaluation>
  /**
   * Metrics that are known without training (multiplyAdds, parameters). Where they exceed a bound, the trial is pruned
   * before anything is trained.
   */
  costs?(architecture: A): Readonly<Record<string, number>> | undefined
  /** Called before a resumed search goes on, once for each result in its journal. */
  recall?(architecture: A, fidelity: number, evaluation: Evaluation): void
}

/** What an evaluator may need of the search it becomes part of. */
export interface EvaluatorParts<A = unknown> {
  readonly space: SearchSpace<A>
  readonly rng: Random
  readonly clock: Clock
  /** The trainer that a plugin provides, if any. */
  readonly trainer?: Trainer
}

/**
 * An evaluator that is completed when the search is composed.
 * `needs: ['networks']` refuses spaces without `build` at composition time, `['supernet']` those without a supernet.
 */
export interface EvaluatorDefinition<A = unknown> {
  readonly kind: EvaluatorKind
  readonly name: string
  readonly needs?: readonly ('networks' | 'cost' | 'supernet')[]
  /** Capabilities that plugins may ask for, such as 'shared-weights'. */
  readonly provides?: readonly string[]
  /** Metric names it will report, so that objectives on other names are refused before the first trial. */
  readonly metrics?: readonly string[]
  /** How many evaluations may run at once. Default 1. */
  readonly concurrency?: number
  readonly papers?: readonly Paper[]
  create(parts: EvaluatorParts<A>): Evaluator<A> | Promise<Evaluator<A>>
}

/** The shortest evaluator: an architecture in, metrics out. */
export type EvaluatorFunction<A = unknown> = (
  architecture: A,
  request: EvaluationRequest<A>,
  context: EvaluationContext,
) => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>
