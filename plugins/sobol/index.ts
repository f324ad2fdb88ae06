import { definePlugin } from '../../core/index.ts'
import type { SobolOptions } from './options.ts'
import { paper } from './paper.ts'
import { sobolSearch } from './sobol-search.ts'

export { type SobolOptions, sobolOptions } from './options.ts'
export { paper } from './paper.ts'
export { SOBOL_DIMENSIONS, sobolPoint, sobolSearch } from './sobol-search.ts'

/** Quasi-random search as a plugin. Error: ARCHLOOM_OPTION. */
export const sobol = (options: SobolOptions = {}) => {
  const factory = sobolSearch(options)
  return definePlugin({
    name: 'sobol',
    paper,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(factory),
  })
}
