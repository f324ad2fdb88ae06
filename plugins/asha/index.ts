import { declarePlugin, definePlugin, type Plugin } from '../../core/index.ts'
import { type AshaOptions, asynchronousHalving, declared } from './asha.ts'
import { paper } from './paper.ts'

export { type AshaOptions, asynchronousHalving, rungsOf } from './asha.ts'
export { paper } from './paper.ts'

const about = declarePlugin({
  name: 'asha',
  kind: 'scheduler',
  does: 'Asynchronous successive halving.',
  paper,
  provides: ['scheduler'],
  options: declared,
})

/** Asynchronous successive halving as a plugin. It works with any controller. Error: ARCHLOOM_OPTION. */
export function asha(given: AshaOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({ ...about, options, bind: ({ scheduler }) => scheduler.to(asynchronousHalving(options)) })
}
