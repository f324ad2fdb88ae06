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

/** The individual of an observation; undefined where the trial failed or its reward is not a number. */
export const individualOf = ({ proposal, reward, objectives }: Observation): Individual | undefined =>
  reward === undefined || Number.isNaN(reward) ? undefined : { genotype: proposal.genotype, reward, objectives }

/** A population in which the oldest makes room for the newest (ageing), whatever their rewards. */
export function age<T>(population: readonly T[], newcomer: T, capacity: number): readonly T[] {
  return [...population.slice(Math.max(0, population.length + 1 - capacity)), newcomer]
}

/** `size` members drawn uniformly: with replacement, a member may be drawn more than once. */
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

/** For `sort`: the larger number first, what is not a number last. */
export const descending = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a === b ? 0 : a > b ? -1 : 1
}

/** For `sort`: the larger reward first, a reward that is not a number last. */
export const byReward = (a: Pick<Individual, 'reward'>, b: Pick<Individual, 'reward'>): number =>
  descending(a.reward, b.reward)
