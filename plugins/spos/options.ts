import { checkOptions, type Expectation, positiveInteger } from '../../core/policy/index.ts'
import type { OneShotOptions } from '../../evaluators/weight-sharing/index.ts'

export interface EvolutionOptions {
  /** P: individuals a generation. Default 50. */
  readonly population: number
  /** 𝒯: generations, the first of them random. Default 20. */
  readonly generations: number
  /** k: the best of all so far, from which parents are drawn. Default 10. */
  readonly parents: number
  /** n: children by crossover a generation. Default half of the population. */
  readonly crossovers: number
  /** m: children by mutation a generation. Default half of the population. */
  readonly mutations: number
  /** Probability that a mutation changes a decision. Default 0.1. */
  readonly mutationProbability: number
}

export interface SposOwnOptions extends EvolutionOptions {
  /**
   * Search the trained supernet by the paper's evolution. False: another plugin brings the controller, such as
   * `evolution()`; then the budget must end the search. Default true.
   */
  readonly evolve: boolean
}

/**
 * Evolution as in the paper. Its supernets for ImageNet were trained with batches of 1024; the defaults here are those
 * usual for small images: 250 epochs, SGD 0.05 → 0.0005 with Nesterov momentum 0.9, weight decay 3e-4.
 */
export type SposOptions = Partial<Omit<OneShotOptions, 'warmUpEpochs'> & SposOwnOptions>

const share: Expectation = {
  holds: (value) => typeof value === 'number' && value >= 0 && value <= 1,
  words: 'a share from 0 to 1',
}
const count: Expectation = {
  holds: (value) => Number.isInteger(value) && (value as number) >= 0,
  words: 'a whole number of at least 0',
}

/** Throws ARCHLOOM_CONTROLLER_OPTION. */
export function checkedEvolution(given: Partial<EvolutionOptions>): EvolutionOptions {
  const { population = 50 } = given
  const options = {
    population,
    generations: 20,
    parents: Math.max(1, Math.min(10, population)),
    crossovers: Math.floor(population / 2),
    mutations: Math.floor(population / 2),
    mutationProbability: 0.1,
    ...given,
  }
  checkOptions('spos', options, {
    population: positiveInteger,
    generations: positiveInteger,
    parents: positiveInteger,
    crossovers: count,
    mutations: count,
    mutationProbability: share,
  })
  return options
}

/** Throws ARCHLOOM_CONTROLLER_OPTION. */
export const checkedOptions = (given: SposOptions): OneShotOptions & SposOwnOptions => ({
  epochs: 250,
  warmUpEpochs: 0,
  learningRate: 0.05,
  minLearningRate: Math.min(0.0005, given.learningRate ?? 0.05),
  momentum: 0.9,
  nesterov: true,
  weightDecay: 3e-4,
  clipNorm: 5,
  evolve: true,
  ...given,
  ...checkedEvolution(given),
})
