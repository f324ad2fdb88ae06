import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const gpOptions = options('gp', {
  startup: whole({ min: 2, default: 10, doc: 'Number of random trials before the model is used.' }),
  candidates: whole({
    min: 1,
    default: 200,
    doc: 'Number of random genotypes, and of mutants of the best trials, over which the acquisition function is maximised. The best of them are then improved by their neighbours.',
  }),
  trials: whole({
    min: 10,
    default: 400,
    doc: 'Maximum number of trials in the model: half of them the best ones, the others the newest. The time of a proposal grows with its square, that of a fit with its cube.',
  }),
  unique: number({
    min: 0,
    max: 1,
    default: 0.25,
    doc: 'Share of the space that must be proposed before an architecture may be proposed again. 0: repetition is always allowed; 1: only when nothing new can be found.',
  }),
})

export type GpOptions = OptionsOf<typeof gpOptions>
