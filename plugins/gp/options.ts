import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const gpOptions = options('gp', {
  startup: whole({ min: 2, default: 10, doc: 'Random trials before the model is used.' }),
  candidates: whole({
    min: 1,
    default: 200,
    doc: 'Random genotypes, and as many mutants of the best trials, among which the acquisition function is maximised before the best of them is improved by its neighbours.',
  }),
  trials: whole({
    min: 10,
    default: 400,
    doc: 'Most trials in the model: the best half of this number and the newest ones. The time of a proposal grows with its square, that of a fit with its cube.',
  }),
  unique: number({
    min: 0,
    max: 1,
    default: 0.25,
    doc: 'Share of the space that is to be proposed before an architecture may be proposed again. 0: at any time; 1: not while another one is at hand.',
  }),
})

export type GpOptions = OptionsOf<typeof gpOptions>
