import type { Random } from './random.ts'
import type { Genotype, Json } from './space/decision.ts'
import type { SearchSpace } from './space/space.ts'

/** What a proposal may be conditioned on. */
export interface Given {
  /** A condition such as a target rate. */
  readonly condition?: Readonly<Record<string, number>>
  /** A starting genotype, for methods that transform a given architecture. */
  readonly from?: Genotype
}

/** A controller's choice for one trial. */
export interface Proposal {
  readonly genotype: Genotype
  /** Natural logarithm of the proposal's probability, where the controller has a distribution. */
  readonly logProbability?: number
  /** Plain data that is journalled and handed back to the controller with the observation. */
  readonly context?: Json
}

/** The result of a proposal at the end of a rung. */
export interface Observation {
  readonly trial: number
  readonly proposal: Proposal
  /** Larger is better, whatever the objectives' directions. Left out if the trial has no result. */
  readonly reward?: number
  /** One number per objective, larger is better in each; empty where the trial has no result. */
  readonly objectives: readonly number[]
  readonly metrics: Readonly<Record<string, number>>
  /** Whether every bound is kept. Default: true. Feasible trials precede infeasible ones: see `compareResults`. */
  readonly feasible?: boolean
  /** Sum of the relative violations of all bounds. Default: 0. */
  readonly violation?: number
  /**
   * Share of the full effort that the result stands for. Default: 1. With a scheduler, a trial may be observed several
   * times with growing fidelity; the last observation replaces those before.
   */
  readonly fidelity?: number
  /** The trial was given up before full fidelity; the result is its last one. */
  readonly pruned?: true
  /** Why the trial failed. */
  readonly failure?: { readonly reason: string; readonly code: string; readonly message: string }
}

/** Scalars about an update (policy entropy, baseline, population age …), published as `controller.updated`. */
export type Diagnostics = Readonly<Record<string, number>>

/**
 * What a controller answers when asked for a trial: a proposal; 'wait' if it needs outstanding results first (those of
 * a generation, for example); 'exhausted' if nothing is left to propose. An answer that is not a proposal changes no
 * state.
 */
export type Ask = Proposal | 'wait' | 'exhausted'

/**
 * Decides which architectures are tried. It works on any space through genotypes and never sees a network. Contract:
 * proposals lie in the space; the same seed and observations give the same proposals, which is how a study is resumed
 * (the host repeats what the journal holds); dispose leaks no tensor. Check your own with `controllerContract` from
 * `archloom/testing`.
 */
export interface Controller extends Disposable {
  propose(rng: Random, given?: Given): Ask
  /** Receives results, including failures, in the order of commits. */
  observe(observations: readonly Observation[]): Diagnostics
  /** True when nothing is left to propose; the same as answering 'exhausted'. */
  readonly exhausted?: boolean
}

/** Makes a controller for a space. `rng` is for initial state (weights of a policy); proposals get their own. */
export type ControllerFactory = (space: SearchSpace, rng: Random) => Controller
