import { declarePlugin, definePlugin, type Plugin } from '../../core/index.ts'
import { type OptionsOf, options } from '../../core/options/index.ts'
import { paper } from './paper.ts'
import { randomSearch } from './random-search.ts'

export { paper } from './paper.ts'
export { randomSearch } from './random-search.ts'

const declared = options('random', {})

const about = declarePlugin({
  name: 'random',
  kind: 'controller',
  does: 'Random search.',
  paper,
  provides: ['controller'],
  needs: ['space'],
  options: declared,
})

/** Random search as a plugin without options. */
export function random(given: OptionsOf<typeof declared> = {}): Plugin {
  declared.read(given)
  return definePlugin({ ...about, bind: ({ controller }) => controller.to(randomSearch()) })
}
