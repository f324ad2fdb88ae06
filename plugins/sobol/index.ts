import { declarePlugin, definePlugin } from '../../core/index.ts'
import { type SobolOptions, sobolOptions } from './options.ts'
import { paper } from './paper.ts'
import { sobolSearch } from './sobol-search.ts'

export { type SobolOptions, sobolOptions } from './options.ts'
export { paper } from './paper.ts'
export { SOBOL_DIMENSIONS, sobolPoint, sobolSearch } from './sobol-search.ts'

const about = declarePlugin({
  name: 'sobol',
  kind: 'controller',
  does: 'A low-discrepancy sequence over the space.',
  paper,
  provides: ['controller'],
  needs: ['space'],
  options: sobolOptions,
})

/** Quasi-random search as a plugin. Error: ARCHLOOM_OPTION. */
export const sobol = (options: SobolOptions = {}) => {
  const factory = sobolSearch(options)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(factory) })
}
