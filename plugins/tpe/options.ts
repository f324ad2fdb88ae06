import { number, type OptionsOf, options, type ReadOptionsOf, whole } from '../../core/options/index.ts'

export const tpeOptions = options('tpe', {
  startup: whole({ min: 1, default: 10, doc: 'Random trials before the model is used.' }),
  candidates: whole({
    min: 1,
    default: 24,
    doc: 'Draws from the density of good trials, of which the one with the best ratio of densities is proposed.',
  }),
  kernels: whole({
    min: 10,
    default: 128,
    doc: 'Most trials in the density of the others. Of more, the newest quarter of this number and an even selection of the older ones are taken, which keeps the time of a proposal the same after any number of trials.',
  }),
  unique: number({
    min: 0,
    max: 1,
    default: 0.25,
    doc: 'Share of the space that is to be proposed before an architecture may be proposed again. 0: at any time; 1: not while another one is at hand.',
  }),
})

export type TpeOptions = OptionsOf<typeof tpeOptions>
export type ReadTpeOptions = ReadOptionsOf<typeof tpeOptions>
