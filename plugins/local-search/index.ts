import { declarePlugin, definePlugin, type Plugin } from '../../core/index.ts'
import { declared, type HillClimbingOptions, hillClimbing } from './hill-climbing.ts'
import { paper } from './paper.ts'

export { type HillClimbingOptions, hillClimbing } from './hill-climbing.ts'
export { paper } from './paper.ts'

const about = declarePlugin({
  name: 'local-search',
  kind: 'controller',
  does: 'Hill climbing with restarts.',
  paper,
  provides: ['controller'],
  needs: ['space'],
  options: declared,
})

/** Local search (hill climbing with restarts) as a plugin. */
export function localSearch(given: HillClimbingOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(hillClimbing(given)) })
}
