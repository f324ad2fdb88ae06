/** SPOS: a supernet trained on uniformly drawn paths, then an evolutionary search over paths on validation data. */
import { declarePlugin, definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { decidingOf, oneShot, oneShotDeciding, oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { declared, defaults, readEvolution, type SposOptions } from './options.ts'
import { paper } from './paper.ts'
import { pathEvolution } from './path-evolution.ts'
import { uniformPaths } from './uniform-paths.ts'

const about = declarePlugin({
  name: 'spos',
  kind: 'one-shot method',
  does: 'Shared weights trained on uniform paths, then an evolutionary search on them.',
  paper,
  provides: ['algorithm', 'controller'],
  needs: oneShotNeeds,
  options: declared,
})

/**
 * Single-path one-shot search: `createSearch({ space: chainSpace(), evaluator: weightSharing({ data, statistics:
 * 'recalibrated' }), plugins: [spos()], … })`. Every architecture of the evolution is a trial. Errors:
 * ARCHLOOM_OPTION; from the search, those of `oneShot`.
 */
export function spos(given: SposOptions = {}): Plugin {
  const options = declared.read(given)
  const { population, generations, parents, crossovers, mutations, mutationProbability, evolve, ...training } = options
  const evolution = readEvolution({
    population,
    generations,
    mutationProbability,
    ...(parents !== undefined && { parents }),
    ...(crossovers !== undefined && { crossovers }),
    ...(mutations !== undefined && { mutations }),
  })
  const shared = { ...training, warmUp: { epochs: 0 } }
  // The evolution does not change the supernet, so a checkpoint of its training is valid for any evolution.
  const algorithm = oneShot({
    name: 'spos',
    options: shared,
    deciding: decidingOf(shared, oneShotDeciding),
    defaults,
    strategy: uniformPaths,
  })
  return definePlugin({
    ...about,
    ...(!evolve && {
      provides: ['algorithm'],
      needs: [...oneShotNeeds, { need: 'controller', remedy: 'Add one, such as evolution().' }],
    }),
    options: { ...options, ...evolution },
    bind: ({ bind, controller }) => {
      bind(tokens.ALGORITHM).toFactory(algorithm)
      if (evolve) controller.to(pathEvolution(evolution))
    },
  })
}

export type { EvolutionOptions, SposOptions } from './options.ts'
export { paper } from './paper.ts'
export { crossover, mutation, pathEvolution } from './path-evolution.ts'
export { uniformPaths } from './uniform-paths.ts'
