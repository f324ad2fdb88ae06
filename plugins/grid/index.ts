import { definePlugin } from '../../core/index.ts'
import { gridSearch } from './grid-search.ts'
import type { GridOptions } from './options.ts'

export { gridSearch, gridSize } from './grid-search.ts'
export { type GridOptions, gridOptions } from './options.ts'

/** Grid search as a plugin. Errors: ARCHLOOM_OPTION; when the search is made ARCHLOOM_GRID_SIZE. */
export const grid = (options: GridOptions = {}) => {
  const factory = gridSearch(options)
  return definePlugin({
    name: 'grid',
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(factory),
  })
}
