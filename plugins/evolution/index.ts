import { declarePlugin, definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { paper } from './paper.ts'
import { declared, type EvolutionOptions, populationFor, regularizedEvolution } from './regularized-evolution.ts'

export { paper } from './paper.ts'
export { type EvolutionOptions, populationFor, regularizedEvolution } from './regularized-evolution.ts'

const about = declarePlugin({
  name: 'evolution',
  kind: 'controller',
  does: 'Regularized evolution.',
  paper,
  provides: ['controller'],
  needs: ['space'],
  options: declared,
})

/** Regularised (ageing) evolution as a plugin. Error: ARCHLOOM_OPTION. */
export function evolution(given: EvolutionOptions = {}): Plugin {
  const options = declared.read(given)
  const { population } = options
  return definePlugin({
    ...about,
    options,
    bind: ({ controller }) => {
      if (population !== undefined) controller.to(regularizedEvolution(options))
      else
        controller.toFactory((get) =>
          regularizedEvolution({ ...options, population: populationFor(get(tokens.BUDGET).maxTrials) }),
        )
    },
  })
}
