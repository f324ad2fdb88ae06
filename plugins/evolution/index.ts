import { definePlugin, tokens } from '../../core/index.ts'
import { paper } from './paper.ts'
import { type EvolutionOptions, populationFor, regularizedEvolution } from './regularized-evolution.ts'

export { paper } from './paper.ts'
export { type EvolutionOptions, populationFor, regularizedEvolution } from './regularized-evolution.ts'

/** Regularised (ageing) evolution as a plugin. Error: ARCHLOOM_CONTROLLER_OPTION. */
export const evolution = (options: EvolutionOptions = {}) => {
  const given = regularizedEvolution(options)
  return definePlugin({
    name: 'evolution',
    paper,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => {
      if (options.population !== undefined) controller.to(given)
      else
        controller.toFactory((get) =>
          regularizedEvolution({ ...options, population: populationFor(get(tokens.BUDGET).maxTrials) }),
        )
    },
  })
}
