import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const annealingOptions = options('annealing', {
  startup: whole({
    min: 2,
    default: 10,
    doc: 'Number of random trials at the beginning. The best of them is the first state.',
  }),
  temperature: number({
    above: 0,
    default: 0.5,
    doc: 'Initial temperature, in units of the standard deviation of the rewards of the random trials.',
  }),
  cooling: number({ above: 0, max: 1, default: 0.97, doc: 'Factor by which the temperature is multiplied per trial.' }),
  unique: number({
    min: 0,
    max: 1,
    default: 0.25,
    doc: 'Share of the space that must be proposed before an architecture may be proposed again. 0: repetition is always allowed; 1: only when nothing new can be found.',
  }),
})

export type AnnealingOptions = OptionsOf<typeof annealingOptions>
