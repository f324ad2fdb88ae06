import type { Controller, ControllerFactory, Json } from '../../core/index.ts'
import {
  age,
  among,
  byReward,
  checkOptions,
  drawSample,
  type Individual,
  individualOf,
  nonDominatedRanking,
  positiveInteger,
  restored,
  winner,
} from '../../core/policy/index.ts'

export interface EvolutionOptions {
  /** Individuals alive at once (P). Default 100. */
  readonly population?: number
  /** Individuals drawn for each tournament, with replacement (S). Default 25. */
  readonly sample?: number
  /**
   * Who wins a tournament: the largest reward; or with 'pareto' an individual of the sample that no other of it
   * dominates, in the emptiest part of that front (crowding distance), reward breaking ties. Default 'reward'.
   */
  readonly select?: 'reward' | 'pareto'
}

/**
 * Regularised (ageing) evolution, Real et al. 2019, algorithm 1: P random individuals, then for ever the winner of a
 * tournament of S gets one mutated child, and the oldest individual dies. A failed trial has no individual: a failure
 * among the first P is made up for by another random one.
 */
export function regularizedEvolution(given: EvolutionOptions = {}): ControllerFactory {
  const options = { population: 100, sample: 25, select: 'reward', ...given } as const
  const { population: capacity, sample: sampleSize, select } = options
  checkOptions('evolution', options, {
    population: positiveInteger,
    sample: positiveInteger,
    select: among('reward', 'pareto'),
  })

  return (space): Controller => {
    let population: readonly Individual[] = []

    const parent = (sample: readonly Individual[]): Individual => {
      if (select === 'reward') return winner(sample, byReward)
      const rank = nonDominatedRanking(sample.map(({ objectives }) => objectives))
      const order = sample.map((individual, i) => ({ individual, ...(rank[i] as (typeof rank)[number]) }))
      return winner(
        order,
        (a, b) => b.front - a.front || compareCrowding(a.crowding, b.crowding) || byReward(a.individual, b.individual),
      ).individual
    }

    return {
      propose(rng, start) {
        if (start?.from) return { genotype: space.mutate(start.from, rng) }
        if (population.length < capacity) return { genotype: space.random(rng) }
        return { genotype: space.mutate(parent(drawSample(population, sampleSize, rng)).genotype, rng) }
      },
      observe(observations) {
        for (const observation of observations) {
          const individual = individualOf(observation)
          if (individual) population = age(population, individual, capacity)
        }
        if (population.length === 0) return { population: 0 }
        const rewards = population.map(({ reward }) => reward)
        return {
          population: population.length,
          meanReward: rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length,
          bestReward: Math.max(...rewards),
        }
      },
      snapshot: () => ({ population: population as unknown as Json }),
      restore: (snapshot) => {
        population = restored('evolution', snapshot, { population: 'array' }).population as readonly Individual[]
      },
      [Symbol.dispose]: () => {},
    }
  }
}

/** Infinity − Infinity is not a number: the ends of a front are equally uncrowded. */
const compareCrowding = (a: number, b: number) => (a === b ? 0 : a - b)
