import type { Controller, ControllerFactory } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import { age, byReward, drawSample, type Individual, individualOf, winner } from '../../core/policy/index.ts'
import { constrainedCounts, isChannelSpace, type PrunedArchitecture } from '../../search-spaces/compression/prunable.ts'
import { error } from './errors.ts'

export interface ConditionalEvolutionOptions {
  /** Number of individuals in the population of each rate. Default: 20. */
  readonly population?: number
  /** Number of individuals of each tournament. Default: 5. */
  readonly sample?: number
  /** Probability that the parent is chosen among all rates. Default: 0.2. */
  readonly across?: number
}

const conditionalEvolutionNames = optionNames<ConditionalEvolutionOptions>('conditionalEvolution', {
  population: true,
  sample: true,
  across: true,
})

/**
 * Ageing evolution with a population for each rate, under the same constraint as the agent. It is a baseline that
 * shares results between rates without learning a policy. Errors: ARCHLOOM_CACP_SPACE.
 */
export function conditionalEvolution(given: ConditionalEvolutionOptions = {}): ControllerFactory {
  conditionalEvolutionNames(given)
  const { population: capacity = 20, sample = 5, across = 0.2 } = given
  return (space): Controller => {
    if (!isChannelSpace(space)) throw error('ARCHLOOM_CACP_SPACE', { received: space.name })
    const { problem, rates } = space
    const populations: (readonly Individual[])[] = rates.map(() => [])
    let proposed = 0
    return {
      propose(rng) {
        const at = proposed++ % rates.length
        const rate = rates[at] as number
        const own = populations[at] as readonly Individual[]
        let wishes = problem.choices.map(() => rng.float())
        if (own.length >= capacity) {
          const pool = rng.float() < across ? populations.flat() : own
          const parent = space.decode(winner(drawSample(pool, sample, rng), byReward).genotype) as PrunedArchitecture
          const changed = rng.int(wishes.length)
          wishes = parent.kept.map((count, i) =>
            i === changed ? wishes[i]! : count / (problem.choices[i]?.channels as number),
          )
        }
        return { genotype: space.encode({ rate, kept: constrainedCounts(problem, rate, wishes) }) }
      },
      observe(observations) {
        for (const observation of observations) {
          const individual = individualOf(observation)
          if (!individual) continue
          const at = rates.indexOf((space.decode(individual.genotype) as PrunedArchitecture).rate)
          populations[at] = age(populations[at] as readonly Individual[], individual, capacity)
        }
        return { population: populations.flat().length }
      },
      [Symbol.dispose]: () => {},
    }
  }
}
