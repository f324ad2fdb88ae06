import { declarePlugin, definePlugin, tokens } from '../../core/index.ts'
import { geneticSearch, nsga2PopulationFor } from './genetic-search.ts'
import { type Nsga2Options, nsga2Options } from './options.ts'
import { paper } from './paper.ts'

export { constrainedFronts, geneticSearch, nsga2PopulationFor } from './genetic-search.ts'
export { type Nsga2Options, nsga2Options } from './options.ts'
export { paper } from './paper.ts'

const about = declarePlugin({
  name: 'nsga2',
  kind: 'controller',
  does: 'Multi-objective genetic search.',
  paper,
  provides: ['controller'],
  needs: ['space'],
  options: nsga2Options,
})

/** NSGA-II as a plugin. Error: ARCHLOOM_OPTION. */
export const nsga2 = (options: Nsga2Options = {}) => {
  const factory = geneticSearch(options)
  return definePlugin({
    ...about,
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
