import { definePlugin, type Plugin } from '../../core/index.ts'
import { type AshaOptions, asynchronousHalving, declared } from './asha.ts'
import { paper } from './paper.ts'

export { type AshaOptions, asynchronousHalving, rungsOf } from './asha.ts'
export { paper } from './paper.ts'

/** Asynchronous successive halving as a plugin; goes with any controller. Error: ARCHLOOM_OPTION. */
export function asha(given: AshaOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({
    name: 'asha',
    paper,
    provides: ['scheduler'],
    options,
    bind: ({ scheduler }) => scheduler.to(asynchronousHalving(options)),
  })
}
