import type { Clock } from './clock.ts'
import type { Paper } from './paper.ts'
import type { Random } from './random.ts'
import type { Genotype } from './space/decision.ts'
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

export interface EvaluationContext {
  /** Aborted on timeout and on stop; an evaluator that trains checks it at every step. */
  readonly signal: AbortSignal
  /** Publish numbers on the way: becomes `trial.progress`. */
  report(step: number, metrics: Readonly<Record<string, number>>): void
}

export interface Evaluation {
  /** Named finite numbers: accuracy, multiplyAdds, parameters, latencyMs, … */
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
  evaluate(request: EvaluationRequest<A>, context: EvaluationContext): Promise<Evaluation>
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
 * `needs: ['networks']` refuses spaces without `build` at composition time.
 */
export interface EvaluatorDefinition<A = unknown> {
  readonly kind: EvaluatorKind
  readonly name: string
  readonly needs?: readonly ('networks' | 'cost')[]
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
