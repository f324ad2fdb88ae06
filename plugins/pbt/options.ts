import { list, number, type OptionsOf, options, text, whole } from '../../core/options/index.ts'

export const pbtOptions = options('pbt', {
  population: whole({ min: 2, default: 20, doc: 'Number of members that are trained side by side.' }),
  generations: whole({
    min: 2,
    default: 10,
    doc: 'Number of equal stretches of the training. Between two of them, the worst members are replaced.',
  }),
  truncation: number({
    above: 0,
    max: 0.5,
    default: 0.2,
    doc: 'Share of the members that are replaced between two stretches, at least one, and share of the best among which their replacements find a checkpoint.',
  }),
})
export type PbtOptions = OptionsOf<typeof pbtOptions>

export const perturbOptions = options('perturb', {
  factor: number({
    above: 1,
    default: 1.2,
    doc: 'A real decision is multiplied or divided by this factor. An ordered choice moves one option up or down.',
  }),
  resample: number({ min: 0, max: 1, default: 0.25, doc: 'Probability with which a decision is drawn anew instead.' }),
  only: list(text(), {
    absent: 'all',
    doc: 'Names of the decisions that are changed; a name stands for all decisions below it, too. Name the hyperparameters of the training if the others determine the shapes of the weights.',
  }),
})
export type PerturbOptions = OptionsOf<typeof perturbOptions>
