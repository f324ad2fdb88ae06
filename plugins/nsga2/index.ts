import { definePlugin, tokens } from '../../core/index.ts'
import { geneticSearch, nsga2PopulationFor } from './genetic-search.ts'
import type { Nsga2Options } from './options.ts'
import { paper } from './paper.ts'

export { constrainedFronts, geneticSearch, nsga2PopulationFor } from './genetic-search.ts'
export { type Nsga2Options, nsga2Options } from './options.ts'
export { paper } from './paper.ts'

/** NSGA-II as a plugin. Error: ARCHLOOM_OPTION. */
export const nsga2 = (options: Nsga2Options = {}) => {
  const factory = geneticSearch(options)
  return definePlugin({
    name: 'nsga2',
    paper,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => {
      if (options.population !== undefined) controller.to(factory)
      else
        controller.toFactory((get) =>
          geneticSearch({ ...options, population: nsga2PopulationFor(get(tokens.BUDGET).maxTrials) }),
        )
    },
  })
}
