import type { Observation } from '../controller.ts'
import type { Random } from '../random.ts'
import type { Genotype } from '../space/decision.ts'

/** One evaluated genotype of a population; plain JSON. */
export interface Individual {
  readonly genotype: Genotype
  /** Larger is better. */
  readonly reward: number
  /** One number an objective, larger is better in each. */
  readonly objectives: readonly number[]
}

/** The individual of an observation; undefined where the trial failed. */
export const individualOf = ({ proposal, reward, objectives }: Observation): Individual | undefined =>
  reward === undefined ? undefined : { genotype: proposal.genotype, reward, objectives }

/** A population in which the oldest makes room for the newest (ageing), whatever their rewards. */
export function age<T>(population: readonly T[], newcomer: T, capacity: number): readonly T[] {
  return [...population.slice(Math.max(0, population.length + 1 - capacity)), newcomer]
}

/** `size` members drawn uniformly: with replacement, a member may be drawn more than once. */
export function drawSample<T>(population: readonly T[], size: number, rng: Random, replacement = true): readonly T[] {
  if (replacement) return Array.from({ length: size }, () => rng.pick(population))
  return rng.shuffle(population).slice(0, size)
}

/** The member that no other precedes; the earliest drawn among equals. */
export function winner<T>(sample: readonly T[], compare: (a: T, b: T) => number): T {
  return sample.reduce((best, candidate) => (compare(candidate, best) > 0 ? candidate : best))
}

/** Larger reward first. */
export const byReward = (a: Individual, b: Individual): number => a.reward - b.reward
