import type { Clock } from './clock.ts'
import type { Paper } from './paper.ts'
import type { Random } from './random.ts'
import type { Genotype, Json } from './space/decision.ts'
import type { SearchSpace } from './space/space.ts'
import type { Network, Trainer } from './trainer.ts'

/** How an evaluator obtains its metrics. A plugin may need a certain kind. */
export type EvaluatorKind = 'from-scratch' | 'weight-sharing' | 'tabular' | 'zero-cost'

export interface EvaluationRequest<A = unknown> {
  readonly trial: number
  readonly genotype: Genotype
  readonly architecture: A
  /** Derived from the search's seed and the trial's number, so that a single trial can be repeated. */
  readonly seed: number
  /** Share of the full effort, in (0, 1]; 1 unless the search uses several fidelities. */
  readonly fidelity: number
  /** Of a trial of a search: the name of its study, and which of the trial's rungs is evaluated, from 0. */
  readonly study?: string
  /** The name and the moment of its creation. Differs between studies of the same name, and is kept by a resumed study. */
  readonly studyId?: string
  readonly rung?: number
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
   * Publishes intermediate numbers as `trial.progress`. Returns 'stop' if the scheduler gives the trial up: measure
   * the present state and return it; the trial is recorded as pruned. Error: ARCHLOOM_REPORT_INVALID.
   */
  report(step: number, metrics: Readonly<Record<string, number>>): 'continue' | 'stop'
  /** Publishes other facts (such as the path of an image that was written) as `plugin.event`. */
  tell(name: string, facts: Json, plugin?: string): void
  /**
   * For an evaluator that `queues`: says that the work begins now. The time limit counts from the last call, so work
   * that begins anew elsewhere has the whole time.
   */
  started(): void
  /**
   * For an evaluator that `queues`: says that the work was interrupted and waits until it begins anew. The time limit
   * does not count until the next `started()`.
   */
  waiting?(): void
  /** The state that was saved at this trial's last rung: continue from it instead of starting again. */
  readonly checkpoint?: Checkpoint
  /** Saves the state that the next rung continues from. Present if the scheduler may continue this trial. */
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

/** Measures one architecture. It may throw: the host then records a failed trial. */
export interface Evaluator<A = unknown> extends Partial<AsyncDisposable> {
  readonly kind: EvaluatorKind
  readonly name: string
  /** How many evaluations may run at once. Default: 1, because tfjs has one scope stack per process. */
  readonly concurrency?: number
  /** Evaluations may wait before they begin, and call `context.started()` when they do. */
  readonly queues?: true
  evaluate(request: EvaluationRequest<A>, context: EvaluationContext): Promise<Evaluation>
  /**
   * Metrics that are known without training (multiplyAdds, parameters). If they exceed a bound, the trial is pruned
   * before anything is trained. A promise where they take work, such as building the network.
   */
  costs?(
    architecture: A,
  ): Readonly<Record<string, number>> | undefined | Promise<Readonly<Record<string, number>> | undefined>
  /**
   * Trains the network that an evaluation of the request trains, and returns it; the caller disposes it. With a checkpoint
   * the training continues from it. Only evaluators that train a network for each architecture have it.
   */
  trainNetwork?(
    request: EvaluationRequest<A>,
    context: Pick<EvaluationContext, 'signal' | 'report' | 'checkpoint'>,
  ): Promise<Network>
  /** Called before a resumed search goes on, once for each result in its journal. */
  recall?(architecture: A, fidelity: number, evaluation: Evaluation): void
}

/** The parts of a search that an evaluator may need. */
export interface EvaluatorParts<A = unknown> {
  readonly space: SearchSpace<A>
  readonly rng: Random
  readonly clock: Clock
  /** Aborted when the search is disposed of, also while the evaluator is still being created. */
  readonly signal?: AbortSignal
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
  /**
   * Throws for a fidelity that the evaluator cannot evaluate, before a rung with it starts: for tables, in which a
   * scheduler may ask for rungs that are not stored.
   */
  checkFidelity?(fidelity: number): void
  readonly papers?: readonly Paper[]
  create(parts: EvaluatorParts<A>): Evaluator<A> | Promise<Evaluator<A>>
}

/** The shortest form of an evaluator: a function from an architecture to its metrics. */
export type EvaluatorFunction<A = unknown> = (
  architecture: A,
  request: EvaluationRequest<A>,
  context: EvaluationContext,
) => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>
