import { declarePlugin, definePlugin } from '../../core/index.ts'
import { evolutionStrategy } from './evolution-strategy.ts'
import { type CmaEsOptions, cmaEsOptions } from './options.ts'
import { paper } from './paper.ts'

export { eigen } from './eigen.ts'
export { evolutionStrategy } from './evolution-strategy.ts'
export { type CmaEsOptions, cmaEsOptions } from './options.ts'
export { paper } from './paper.ts'

const about = declarePlugin({
  name: 'cma-es',
  kind: 'controller',
  does: 'Evolution strategy with covariance matrix adaptation.',
  paper,
  provides: ['controller'],
  needs: ['space'],
  options: cmaEsOptions,
})

/** CMA-ES as a plugin. Error: ARCHLOOM_OPTION. */
export const cmaEs = (options: CmaEsOptions = {}) => {
  const factory = evolutionStrategy(options)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(factory) })
}
