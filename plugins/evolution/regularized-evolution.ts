import type { Controller, ControllerFactory, Genotype } from '../../core/index.ts'
import { among, type OptionsOf, options, whole } from '../../core/options/index.ts'
import {
  age,
  byReward,
  descending,
  drawSample,
  feasibilityModel,
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

/** Draws before one that will probably exceed a bound is tried after all. */
const ATTEMPTS = 20
const LIKELY = 0.75

interface Member extends Individual {
  readonly trial: number
}

/**
 * Regularised (ageing) evolution, Real et al. 2019, algorithm 1: P random individuals, then for ever the winner of a
 * tournament of S gets one mutated child, and the oldest individual dies. A failed trial has no individual: a failure
 * among the first P is made up for by another random one. Where objectives have bounds, feasible individuals come first,
 * and a genotype that would probably exceed a bound is drawn again.
 */
export function regularizedEvolution(given: EvolutionOptions = {}): ControllerFactory {
  const { population: capacity = 100, select, ...rest } = declared.read(given)
  const { sample: sampleSize = Math.min(25, Math.ceil(capacity / 2)) } = rest

  return (space): Controller => {
    let population: readonly Member[] = []
    const bounds = feasibilityModel(space)
    /** A draw that will probably keep the bounds; the most probable one where none of some attempts will. */
    const probablyFeasible = (draw: () => Genotype): Genotype => {
      let best: { readonly child: Genotype; readonly probability: number } | undefined
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const child = draw()
        const probability = bounds.probability(child)
        if (probability >= LIKELY) return child
        if (!best || probability > best.probability) best = { child, probability }
      }
      return best!.child
    }

    const parent = (sample: readonly Individual[]): Individual => {
      if (select === 'reward') return winner(sample, byReward)
      const feasible = sample.filter((individual) => individual.feasible ?? true)
      if (feasible.length === 0) return winner(sample, byReward)
      const rank = nonDominatedRanking(feasible.map(({ objectives }) => objectives))
      const order = feasible.map((individual, i) => ({ individual, ...rank[i]! }))
      return winner(
        order,
        (a, b) => a.front - b.front || descending(a.crowding, b.crowding) || byReward(a.individual, b.individual),
      ).individual
    }

    return {
      propose(rng, start) {
        if (start?.from) return { genotype: space.mutate(start.from, rng) }
        if (population.length < capacity) return { genotype: probablyFeasible(() => space.random(rng)) }
        const { genotype } = parent(drawSample(population, sampleSize, rng))
        return { genotype: probablyFeasible(() => space.mutate(genotype, rng)) }
      },
      observe(observations) {
        for (const observation of observations) {
          const individual = individualOf(observation)
          if (!individual) continue
          bounds.observe(individual.genotype, individual.feasible ?? true)
          const member = { ...individual, trial: observation.trial }
          const known = population.findIndex(({ trial }) => trial === member.trial)
          // The same trial at a larger fidelity: what it shows now replaces what it showed before.
          population = known < 0 ? age(population, member, capacity) : population.with(known, member)
        }
        const rewards = population.map(({ reward }) => reward).filter((reward) => Number.isFinite(reward))
        if (rewards.length === 0) return { population: population.length }
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
