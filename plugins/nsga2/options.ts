import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const nsga2Options = options('nsga2', {
  population: whole({
    min: 2,
    absent: 'in the plugin a twentieth of the trials of the budget, from 10 to 50; 50 in the controller alone',
    doc: 'Individuals of a generation, and survivors of parents and children together.',
  }),
  crossover: number({
    min: 0,
    max: 1,
    default: 0.9,
    doc: 'Probability that a child has two parents; otherwise it is a copy of one before mutation.',
  }),
  mutation: number({
    min: 0,
    max: 1,
    absent: '1 / number of decisions',
    doc: 'Probability that a decision of a child mutates.',
  }),
  unique: number({
    min: 0,
    max: 1,
    default: 0.25,
    doc: 'Share of the space that is to be proposed before an architecture may be proposed again. 0: at any time; 1: not while another one is at hand.',
  }),
})

export type Nsga2Options = OptionsOf<typeof nsga2Options>
