import { definePlugin, type Plugin } from '../../core/index.ts'
import { type OptionsOf, options } from '../../core/options/index.ts'
import { paper } from './paper.ts'
import { randomSearch } from './random-search.ts'

export { paper } from './paper.ts'
export { randomSearch } from './random-search.ts'

const declared = options('random', {})

/** Random search as a plugin; it has no options. */
export function random(given: OptionsOf<typeof declared> = {}): Plugin {
  declared.read(given)
  return definePlugin({
    name: 'random',
    paper,
    provides: ['controller'],
    needs: ['space'],
    bind: ({ controller }) => controller.to(randomSearch()),
  })
}
