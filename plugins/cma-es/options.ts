import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const cmaEsOptions = options('cma-es', {
  population: whole({
    min: 2,
    absent: '4 + ⌊3 ln n⌋ for n coordinates',
    doc: 'Number of results after which the distribution is updated.',
  }),
  sigma: number({
    above: 0,
    max: 1,
    default: 0.3,
    doc: 'Initial standard deviation, as a share of each decision’s scale.',
  }),
})

export type CmaEsOptions = OptionsOf<typeof cmaEsOptions>
