import type { Observation } from '../controller.ts'
import type { Random } from '../random.ts'
import type { Genotype } from '../space/decision.ts'
import { type Comparable, compareResults } from '../trial/objective.ts'

/** One evaluated genotype of a population; plain JSON. */
export interface Individual {
  readonly genotype: Genotype
  /** Larger is better. */
  readonly reward: number
  /** One number per objective, larger is better in each. */
  readonly objectives: readonly number[]
  /** Whether every bound is satisfied. Default: true. */
  readonly feasible?: boolean
  /** Sum of the relative violations of the bounds. Default: 0. */
  readonly violation?: number
}

/** The individual of an observation; undefined if the trial failed or its reward is not a number. */
export function individualOf(observation: Observation): Individual | undefined {
  const { proposal, reward, objectives, feasible = true, violation = 0 } = observation
  const { genotype } = proposal
  if (!feasible) return { genotype, reward: reward ?? Number.NEGATIVE_INFINITY, objectives, feasible, violation }
  return reward === undefined || Number.isNaN(reward) ? undefined : { genotype, reward, objectives }
}

/**
 * Adds the newcomer to a population and removes the oldest members beyond `capacity`, whatever their rewards (ageing).
 */
export function age<T>(population: readonly T[], newcomer: T, capacity: number): readonly T[] {
  return [...population.slice(Math.max(0, population.length + 1 - capacity)), newcomer]
}

/** Draws `size` members uniformly. With replacement, a member may be drawn more than once. */
export function drawSample<T>(population: readonly T[], size: number, rng: Random, replacement = true): readonly T[] {
  if (replacement) return Array.from({ length: size }, () => rng.pick(population))
  return rng.shuffle(population).slice(0, size)
}

/**
 * The member that comes first under `compare` (negative where a comes before b, as for `sort`); the earliest among
 * equals.
 */
export function winner<T>(sample: readonly T[], compare: (a: T, b: T) => number): T {
  return sample.reduce((best, candidate) => (compare(candidate, best) < 0 ? candidate : best))
}

/** For `sort`: larger numbers first, NaN last. */
export const descending = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a === b ? 0 : a > b ? -1 : 1
}

/** For `sort`: feasible before infeasible, then by violation, then larger rewards first and NaN last. */
export const byReward = (a: Comparable, b: Comparable): number => {
  if ((a.feasible ?? true) && (b.feasible ?? true)) return descending(a.reward, b.reward)
  return compareResults(a, b)
}

/** The result of a trial, as a model is fitted to it. */
export interface Outcome {
  readonly trial: number
  readonly genotype: Genotype
  /** Larger is better. Undefined if the trial failed or its reward is not a number. */
  readonly reward?: number
  /** One number per objective, larger is better in each; empty if the trial failed. */
  readonly objectives: readonly number[]
  /** How far the trial is outside the bounds of its objectives; 0 inside. */
  readonly violation: number
  /** Share of the full effort that the reward stands for. */
  readonly fidelity: number
}

export function outcomeOf(observation: Observation): Outcome {
  const {
    trial,
    proposal,
    reward,
    objectives,
    feasible = true,
    violation = feasible ? 0 : 1,
    fidelity = 1,
  } = observation
  const { genotype } = proposal
  if (reward === undefined || Number.isNaN(reward)) return { trial, genotype, objectives: [], violation: 0, fidelity }
  return { trial, genotype, reward, objectives, violation, fidelity }
}

/**
 * For `sort`: feasible trials, then infeasible ones by violation, then failed ones. Among equals the higher fidelity
 * comes first, because a scheduler gives it to the better trials, then the larger reward. The order does not depend on
 * the units of objectives.
 */
export const feasibleFirst = (a: Outcome, b: Outcome): number => {
  if (a.reward === undefined || b.reward === undefined)
    return Number(a.reward === undefined) - Number(b.reward === undefined)
  return descending(-a.violation, -b.violation) || b.fidelity - a.fidelity || descending(a.reward, b.reward)
}
