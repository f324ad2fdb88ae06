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
  /** Plain data that the controller wants back with the observation, and journalled. */
  readonly context?: Json
}

/** What became of a proposal. */
export interface Observation {
  readonly trial: number
  readonly proposal: Proposal
  /** Larger is better, whatever the objectives' directions. Absent: the trial failed. */
  readonly reward?: number
  /** One number an objective, larger is better in each; empty when the trial failed. */
  readonly objectives: readonly number[]
  readonly metrics: Readonly<Record<string, number>>
}

/** Scalars about an update (policy entropy, baseline, population age …), published as `controller.updated`. */
export type Diagnostics = Readonly<Record<string, number>>

/**
 * The chooser. Works on any space through genotypes; never sees a network.
 * Contract: proposals lie in the space; same seed and observations, same proposals; snapshot/restore continues
 * identically; dispose leaks no tensor. Check your own with `controllerContract` from `archloom/testing`.
 */
export interface Controller extends Disposable {
  propose(rng: Random, given?: Given): Proposal
  /** Told in the order of proposals, failures included. */
  observe(observations: readonly Observation[]): Diagnostics
  /** All state as plain JSON. */
  snapshot(): Json
  restore(snapshot: Json): void
  /** True when nothing is left to propose (an exhausted enumeration, a converged local search). */
  readonly exhausted?: boolean
}

/** Makes a controller for a space. `rng` is for initial state (weights of a policy); proposals get their own. */
export type ControllerFactory = (space: SearchSpace, rng: Random) => Controller
