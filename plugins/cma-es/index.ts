import { definePlugin } from '../../core/index.ts'
import { evolutionStrategy } from './evolution-strategy.ts'
import type { CmaEsOptions } from './options.ts'
import { paper } from './paper.ts'

export { eigen } from './eigen.ts'
export { evolutionStrategy } from './evolution-strategy.ts'
export { type CmaEsOptions, cmaEsOptions } from './options.ts'
export { paper } from './paper.ts'

/** CMA-ES as a plugin. Error: ARCHLOOM_OPTION. */
export const cmaEs = (options: CmaEsOptions = {}) => {
  const factory = evolutionStrategy(options)
  return definePlugin({
    name: 'cma-es',
    paper,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(factory),
  })
}
