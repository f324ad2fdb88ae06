import { flag, number, type OptionsOf, options, type ReadOptionsOf, whole } from '../../core/options/index.ts'
import { oneShotFields, oneShotRenamed } from '../../evaluators/weight-sharing/index.ts'

const evolutionFields = {
  population: whole({ min: 1, default: 50, doc: 'P: number of individuals per generation.' }),
  generations: whole({ min: 1, default: 20, doc: '𝒯: number of generations, of which the first is random.' }),
  parents: whole({
    min: 1,
    absent: '10, at most `population`',
    doc: 'k: number of the best individuals so far from which parents are drawn.',
  }),
  crossovers: whole({
    min: 0,
    absent: 'half of `population`',
    doc: 'n: number of children by crossover per generation.',
  }),
  mutations: whole({
    min: 0,
    absent: 'half of `population`',
    doc: 'm: number of children by mutation per generation.',
  }),
  mutationProbability: number({ min: 0, max: 1, default: 0.1, doc: 'Probability that a mutation changes a decision.' }),
}
const evolution = options('pathEvolution', evolutionFields)
export type EvolutionOptions = OptionsOf<typeof evolution>

/** Reads the options of the evolution, and fills in those that depend on the population. Error: ARCHLOOM_OPTION. */
export function readEvolution(given: EvolutionOptions): Required<EvolutionOptions> {
  const read = evolution.read(given)
  const half = Math.floor(read.population / 2)
  return { parents: Math.min(10, read.population), crossovers: half, mutations: half, ...read }
}

/**
 * The evolution is that of the paper. The paper trained its supernets on ImageNet with batches of 1024; the defaults
 * here are usual for small images: 250 epochs, SGD 0.05 → 0.0005 with Nesterov momentum 0.9, weight decay 3e-4.
 */
export const defaults = { epochs: 250, learningRate: 0.05, minLearningRate: 0.0005, nesterov: true, weightDecay: 3e-4 }
const { warmUp: _, ...training } = oneShotFields(defaults)
export const declared = options(
  'spos',
  {
    ...training,
    ...evolutionFields,
    evolve: flag({
      default: true,
      doc: "Whether to search the trained supernet by the paper's evolution. If false, another plugin such as `evolution()` must provide the controller, and the budget must end the search.",
    }),
  },
  { renamed: oneShotRenamed },
)
export type SposOptions = OptionsOf<typeof declared>
export type ReadSposOptions = ReadOptionsOf<typeof declared>
