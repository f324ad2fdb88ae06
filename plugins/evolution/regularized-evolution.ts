import type { Controller, ControllerFactory } from '../../core/index.ts'
import { among, type OptionsOf, options, whole } from '../../core/options/index.ts'
import {
  age,
  byReward,
  descending,
  drawSample,
  type Individual,
  individualOf,
  nonDominatedRanking,
  winner,
} from '../../core/policy/index.ts'

export const declared = options('evolution', {
  /** P: individuals alive at once. Default: `populationFor` the trials of the budget in the plugin, 100 for the controller alone. */
  population: whole({ min: 1, absent: 'a quarter of the trials, from 5 to 100' }),
  /** S: individuals drawn for each tournament, with replacement. Default: half of the population, at most 25. */
  sample: whole({ min: 1, absent: 'half of `population`, at most 25' }),
  /**
   * Who wins a tournament: the largest reward; or with 'pareto' an individual of the sample that no other of it
   * dominates, in the emptiest part of that front (crowding distance), reward breaking ties. Default 'reward'.
   */
  select: among(['reward', 'pareto'], { default: 'reward' }),
})
export type EvolutionOptions = OptionsOf<typeof declared>

/**
 * The default population for a number of trials: a quarter of them, from 5 to 100. The first P trials are random, so that
 * a population as large as the budget would make the search a random one.
 */
export const populationFor = (trials: number): number =>
  Math.max(5, Math.min(100, Math.round(Number.isFinite(trials) ? trials / 4 : 100)))

/**
 * Regularised (ageing) evolution, Real et al. 2019, algorithm 1: P random individuals, then for ever the winner of a
 * tournament of S gets one mutated child, and the oldest individual dies. A failed trial has no individual: a failure
 * among the first P is made up for by another random one.
 */
export function regularizedEvolution(given: EvolutionOptions = {}): ControllerFactory {
  const { population: capacity = 100, select, ...rest } = declared.read(given)
  const { sample: sampleSize = Math.min(25, Math.ceil(capacity / 2)) } = rest

  return (space): Controller => {
    let population: readonly Individual[] = []

    const parent = (sample: readonly Individual[]): Individual => {
      if (select === 'reward') return winner(sample, byReward)
      const rank = nonDominatedRanking(sample.map(({ objectives }) => objectives))
      const order = sample.map((individual, i) => ({ individual, ...(rank[i] as (typeof rank)[number]) }))
      return winner(
        order,
        (a, b) => a.front - b.front || descending(a.crowding, b.crowding) || byReward(a.individual, b.individual),
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
      [Symbol.dispose]: () => {},
    }
  }
}
