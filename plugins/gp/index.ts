import { definePlugin } from '../../core/index.ts'
import { bayesianSearch } from './bayesian-search.ts'
import type { GpOptions } from './options.ts'
import { papers } from './paper.ts'

export { logExpectedImprovement } from './acquisition.ts'
export { bayesianSearch } from './bayesian-search.ts'
export { matern, type Posterior, posterior } from './gaussian-process.ts'
export { type GpOptions, gpOptions } from './options.ts'
export { papers } from './paper.ts'

/** Bayesian optimisation with a Gaussian process as a plugin. Error: ARCHLOOM_OPTION. */
export const gp = (options: GpOptions = {}) => {
  const factory = bayesianSearch(options)
  return definePlugin({
    name: 'gp',
    paper: papers,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(factory),
  })
}
