import { definePlugin } from '../../core/index.ts'
import { paper } from './paper.ts'
import { randomSearch } from './random-search.ts'

export { paper } from './paper.ts'
export { randomSearch } from './random-search.ts'

/** Random search as a plugin. */
export const random = () =>
  definePlugin({
    name: 'random',
    paper,
    provides: ['controller'],
    needs: ['space'],
    bind: ({ controller }) => controller.to(randomSearch()),
  })
