import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const annealingOptions = options('annealing', {
  startup: whole({ min: 2, default: 10, doc: 'Random trials, of which the best is the first state.' }),
  temperature: number({
    above: 0,
    default: 0.5,
    doc: 'Temperature at first, in units of the standard deviation of the rewards of the random trials.',
  }),
  cooling: number({ above: 0, max: 1, default: 0.97, doc: 'Factor of the temperature per trial.' }),
  unique: number({
    min: 0,
    max: 1,
    default: 0.25,
    doc: 'Share of the space that is to be proposed before an architecture may be proposed again. 0: at any time; 1: not while another one is at hand.',
  }),
})

export type AnnealingOptions = OptionsOf<typeof annealingOptions>
