import { flag, number, type OptionsOf, options, type ReadOptionsOf, whole } from '../../core/options/index.ts'
import { oneShotFields, oneShotRenamed } from '../../evaluators/weight-sharing/index.ts'

const evolutionFields = {
  /** P: individuals of a generation. Default 50. */
  population: whole({ min: 1, default: 50 }),
  /** 𝒯: generations, the first of them random. Default 20. */
  generations: whole({ min: 1, default: 20 }),
  /** k: the best of all so far, from which parents are drawn. Default 10. */
  parents: whole({ min: 1, absent: '10, at most `population`' }),
  /** n: children by crossover in a generation. Default: half of the population. */
  crossovers: whole({ min: 0, absent: 'half of `population`' }),
  /** m: children by mutation in a generation. Default: half of the population. */
  mutations: whole({ min: 0, absent: 'half of `population`' }),
  /** Probability that a mutation changes a decision. Default 0.1. */
  mutationProbability: number({ min: 0, max: 1, default: 0.1 }),
}
const evolution = options('pathEvolution', evolutionFields)
export type EvolutionOptions = OptionsOf<typeof evolution>

/** The options of the evolution, those that depend on the population filled in. Error: ARCHLOOM_OPTION. */
export function readEvolution(given: EvolutionOptions): Required<EvolutionOptions> {
  const read = evolution.read(given)
  const half = Math.floor(read.population / 2)
  return { parents: Math.min(10, read.population), crossovers: half, mutations: half, ...read }
}

/**
 * Evolution as in the paper. Its supernets for ImageNet were trained with batches of 1024; the defaults here are those
 * usual for small images: 250 epochs, SGD 0.05 → 0.0005 with Nesterov momentum 0.9, weight decay 3e-4.
 */
export const defaults = { epochs: 250, learningRate: 0.05, minLearningRate: 0.0005, nesterov: true, weightDecay: 3e-4 }
const { warmUp: _, ...training } = oneShotFields(defaults)
export const declared = options(
  'spos',
  {
    ...training,
    ...evolutionFields,
    /**
     * Search the trained supernet by the paper's evolution. False: another plugin brings the controller, such as
     * `evolution()`; then the budget must end the search. Default true.
     */
    evolve: flag({ default: true }),
  },
  { renamed: oneShotRenamed },
)
export type SposOptions = OptionsOf<typeof declared>
export type ReadSposOptions = ReadOptionsOf<typeof declared>
