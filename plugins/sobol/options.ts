import { flag, type OptionsOf, options } from '../../core/options/index.ts'

export const sobolOptions = options('sobol', {
  scramble: flag({
    default: true,
    doc: 'Whether to apply a random digital shift, so that different seeds give different points.',
  }),
})

export type SobolOptions = OptionsOf<typeof sobolOptions>
