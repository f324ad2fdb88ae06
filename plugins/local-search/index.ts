import { definePlugin, type Plugin } from '../../core/index.ts'
import { declared, type HillClimbingOptions, hillClimbing } from './hill-climbing.ts'
import { paper } from './paper.ts'

export { type HillClimbingOptions, hillClimbing } from './hill-climbing.ts'
export { paper } from './paper.ts'

/** Local search (hill climbing with restarts) as a plugin. */
export function localSearch(given: HillClimbingOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({
    name: 'local-search',
    paper,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(hillClimbing(given)),
  })
}
