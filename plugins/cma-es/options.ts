import { number, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const cmaEsOptions = options('cma-es', {
  population: whole({
    min: 2,
    absent: '4 + ⌊3 ln n⌋ for n coordinates',
    doc: 'Results after which the distribution is updated.',
  }),
  sigma: number({
    above: 0,
    max: 1,
    default: 0.3,
    doc: 'Standard deviation of the first distribution, as a share of each decision’s scale.',
  }),
})

export type CmaEsOptions = OptionsOf<typeof cmaEsOptions>
