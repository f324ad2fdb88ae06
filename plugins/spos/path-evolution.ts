import {
  type Controller,
  type ControllerFactory,
  drawValue,
  type Genotype,
  type Random,
  type SearchSpace,
} from '../../core/index.ts'
import { byReward, type Individual, individualOf } from '../../core/policy/index.ts'
import { type EvolutionOptions, readEvolution } from './options.ts'

/** Takes every decision from one of the two parents. */
export const crossover = (space: SearchSpace, a: Genotype, b: Genotype, rng: Random): Genotype =>
  space.crossover(a, b, rng)

/**
 * Draws every decision again with a given probability, uniform on its own scale, or if its value is no longer allowed.
 */
export function mutation(space: SearchSpace, parent: Genotype, probability: number, rng: Random): Genotype {
  const genotype: number[] = []
  while (genotype.length < space.decisions.length) {
    const index = genotype.length
    const allowed = space.allowed(genotype)
    const kept =
      rng.float() >= probability &&
      space.isActive(parent, index) &&
      (allowed === null || allowed.includes(parent[index]!))
    genotype.push(kept ? parent[index]! : drawValue(space.decisions[index]!, allowed, rng))
  }
  return genotype
}

const ATTEMPTS = 20

/**
 * The evolution of Guo et al. (arXiv:1904.00420), algorithm 1: P random architectures, then generations of n children
 * of two of the k best so far, m mutants of one of them, and random architectures for the rest. An architecture is
 * proposed twice only if a few attempts find no new one. It is exhausted after all generations. Feasible individuals
 * rank before infeasible ones.
 */
export function pathEvolution(given: EvolutionOptions = {}): ControllerFactory {
  const { population, generations, parents, crossovers, mutations, mutationProbability } = readEvolution(given)

  return (space): Controller => {
    let best: readonly Individual[] = []
    const proposed: string[] = []
    const seen = new Set<string>()

    const child = (place: number, rng: Random): Genotype => {
      const parent = () => (rng.pick(best) as Individual).genotype
      if (proposed.length < population || best.length === 0) return space.random(rng)
      if (place < crossovers) return crossover(space, parent(), parent(), rng)
      if (place < crossovers + mutations) return mutation(space, parent(), mutationProbability, rng)
      return space.random(rng)
    }

    return {
      propose(rng, start) {
        const place = proposed.length % population
        let genotype = start?.from ? mutation(space, start.from, mutationProbability, rng) : child(place, rng)
        for (let attempt = 1; seen.has(space.format(genotype)) && attempt < ATTEMPTS; attempt++)
          genotype = start?.from ? mutation(space, start.from, mutationProbability, rng) : child(place, rng)
        const key = space.format(genotype)
        proposed.push(key)
        seen.add(key)
        return { genotype }
      },
      observe(observations) {
        for (const observation of observations) {
          const individual = individualOf(observation)
          if (!individual) continue
          const key = space.format(individual.genotype)
          const others = best.filter(({ genotype }) => space.format(genotype) !== key)
          // The sort is stable, so among equals the earlier one stays.
          best = [...others, individual].sort(byReward).slice(0, parents)
        }
        const generation = Math.floor(Math.max(0, proposed.length - 1) / population)
        return { generation, ...(best[0] && { bestReward: best[0].reward }) }
      },
      get exhausted() {
        return proposed.length >= population * generations
      },
      [Symbol.dispose]: () => {},
    }
  }
}
