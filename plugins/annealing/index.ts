import { definePlugin } from '../../core/index.ts'
import type { AnnealingOptions } from './options.ts'
import { paper } from './paper.ts'
import { simulatedAnnealing } from './simulated-annealing.ts'

export { type AnnealingOptions, annealingOptions } from './options.ts'
export { paper } from './paper.ts'
export { simulatedAnnealing } from './simulated-annealing.ts'

/** Simulated annealing as a plugin. Error: ARCHLOOM_OPTION. */
export const annealing = (options: AnnealingOptions = {}) => {
  const factory = simulatedAnnealing(options)
  return definePlugin({
    name: 'annealing',
    paper,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(factory),
  })
}
