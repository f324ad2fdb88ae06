import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const nsga2Options = options('nsga2', {
  population: whole({
    min: 2,
    absent: 'a twentieth of the budgeted trials, from 10 to 50; for the controller alone 50',
    doc: 'Number of individuals in a generation, and of survivors among parents and children.',
  }),
  crossover: number({
    min: 0,
    max: 1,
    default: 0.9,
    doc: 'Probability that a child has two parents; otherwise it is a mutated copy of one parent.',
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
    doc: 'Share of the space that must be proposed before an architecture may be proposed again. 0: repetition is always allowed; 1: only when nothing new can be found.',
  }),
})

export type Nsga2Options = OptionsOf<typeof nsga2Options>
