import { definePlugin } from '../../core/index.ts'
import { type HillClimbingOptions, hillClimbing } from './hill-climbing.ts'
import { paper } from './paper.ts'

export { type HillClimbingOptions, hillClimbing } from './hill-climbing.ts'
export { paper } from './paper.ts'

/** Local search (hill climbing with restarts) as a plugin. */
export const localSearch = (options: HillClimbingOptions = {}) =>
  definePlugin({
    name: 'local-search',
    paper,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(hillClimbing(options)),
  })
