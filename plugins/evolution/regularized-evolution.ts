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
  population: whole({
    min: 1,
    absent: 'a quarter of the trials, from 5 to 100',
    doc: 'P: number of individuals in the population.',
  }),
  sample: whole({
    min: 1,
    absent: 'half of `population`, at most 25',
    doc: 'S: number of individuals drawn for each tournament, with replacement; at most `population`.',
  }),
  select: among(['reward', 'pareto'], {
    default: 'reward',
    doc: "How the winner of a tournament is chosen. 'reward': the largest reward. 'pareto': the largest crowding distance on the non-dominated front of the sample, and among equals the largest reward.",
  }),
})
export type EvolutionOptions = OptionsOf<typeof declared>

/**
 * The default population for a number of trials: a quarter of them, from 5 to 100. The first P trials are random, so a
 * population as large as the budget would make it a random search.
 */
export const populationFor = (trials: number): number =>
  Math.max(5, Math.min(100, Math.round(Number.isFinite(trials) ? trials / 4 : 100)))

/** Number of draws after which one that will probably exceed a bound is accepted. */
const ATTEMPTS = 20
const LIKELY = 0.75

interface Member extends Individual {
  readonly trial: number
}

/**
 * Regularised (ageing) evolution, Real et al. 2019, algorithm 1: P random individuals, then repeatedly a mutated child
 * of the winner of a tournament of S, which replaces the oldest individual. A failed trial gives no individual; a
 * failure among the first P is replaced by another random one. If objectives have bounds, feasible individuals come
 * first, and a genotype that would probably exceed a bound is drawn again.
 */
export function regularizedEvolution(given: EvolutionOptions = {}): ControllerFactory {
  const { population: capacity = 100, select, ...rest } = declared.read(given)
  const { sample: sampleSize = Math.min(25, Math.ceil(capacity / 2)) } = rest
  if (sampleSize > capacity)
    throw declared.refuse('sample', sampleSize, `at most the population, which has ${capacity} individuals`)

  return (space): Controller => {
    let population: readonly Member[] = []
    const bounds = feasibilityModel(space)
    /** A draw that will probably satisfy the bounds, or the most probable one of several attempts. */
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
          // The same trial at a higher fidelity: the new result replaces the earlier one.
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
