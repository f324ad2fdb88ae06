import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const predictorOptions = options('predictor', {
  startup: whole({ min: 2, default: 10, doc: 'Random trials before the predictor is used.' }),
  members: whole({ min: 2, default: 16, doc: 'Trees of the ensemble.' }),
  candidates: whole({
    min: 1,
    default: 100,
    doc: 'Mutants of the best trials among which the predictor chooses one proposal.',
  }),
  parents: whole({ min: 1, default: 10, doc: 'Best trials that are mutated.' }),
  rows: whole({
    min: 20,
    default: 400,
    doc: 'Most trials that a tree learns from: the better half of this number, and an even selection of the others. It keeps the time of a proposal the same after any number of trials.',
  }),
  unique: number({
    min: 0,
    max: 1,
    default: 0.25,
    doc: 'Share of the space that is to be proposed before an architecture may be proposed again. 0: at any time; 1: not while another one is at hand.',
  }),
})

export type PredictorOptions = OptionsOf<typeof predictorOptions>
