import { declarePlugin, definePlugin } from '../../core/index.ts'
import { gridSearch } from './grid-search.ts'
import { type GridOptions, gridOptions } from './options.ts'

export { gridSearch, gridSize } from './grid-search.ts'
export { type GridOptions, gridOptions } from './options.ts'

const about = declarePlugin({
  name: 'grid',
  kind: 'controller',
  does: 'Every architecture of a space.',
  provides: ['controller'],
  needs: ['space'],
  options: gridOptions,
})

/** Grid search as a plugin. Errors: ARCHLOOM_OPTION; from createSearch(), ARCHLOOM_GRID_SIZE. */
export const grid = (options: GridOptions = {}) => {
  const factory = gridSearch(options)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(factory) })
}
