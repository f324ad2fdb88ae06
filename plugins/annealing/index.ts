import { declarePlugin, definePlugin } from '../../core/index.ts'
import { type AnnealingOptions, annealingOptions } from './options.ts'
import { paper } from './paper.ts'
import { simulatedAnnealing } from './simulated-annealing.ts'

export { type AnnealingOptions, annealingOptions } from './options.ts'
export { paper } from './paper.ts'
export { simulatedAnnealing } from './simulated-annealing.ts'

const about = declarePlugin({
  name: 'annealing',
  kind: 'controller',
  does: 'Simulated annealing.',
  paper,
  provides: ['controller'],
  needs: ['space'],
  options: annealingOptions,
})

/** Simulated annealing as a plugin. Error: ARCHLOOM_OPTION. */
export const annealing = (options: AnnealingOptions = {}) => {
  const factory = simulatedAnnealing(options)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(factory) })
}
