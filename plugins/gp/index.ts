import { declarePlugin, definePlugin } from '../../core/index.ts'
import { bayesianSearch } from './bayesian-search.ts'
import { type GpOptions, gpOptions } from './options.ts'
import { papers } from './paper.ts'

export { logExpectedImprovement } from './acquisition.ts'
export { bayesianSearch } from './bayesian-search.ts'
export { matern, type Posterior, posterior } from './gaussian-process.ts'
export { type GpOptions, gpOptions } from './options.ts'
export { papers } from './paper.ts'

const about = declarePlugin({
  name: 'gp',
  kind: 'controller',
  does: 'Bayesian optimization with a Gaussian process.',
  paper: papers,
  provides: ['controller'],
  needs: ['space'],
  options: gpOptions,
})

/** Bayesian optimisation with a Gaussian process as a plugin. Error: ARCHLOOM_OPTION. */
export const gp = (options: GpOptions = {}) => {
  const factory = bayesianSearch(options)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(factory) })
}
