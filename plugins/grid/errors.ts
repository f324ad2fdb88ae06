import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('grid', {
  ARCHLOOM_GRID_SIZE: (d: { space: string; limit: number }) =>
    `the grid over space ${quote(d.space)} has more than ${d.limit} points; give fewer points per real decision, a smaller space, or a larger limit.`,
})
