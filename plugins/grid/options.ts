import { flag, type OptionsOf, options, whole } from '../../core/options/index.ts'

export const gridOptions = options('grid', {
  points: whole({
    min: 2,
    default: 5,
    doc: 'Number of values of a real decision, evenly spaced on its own scale, including both ends.',
  }),
  shuffle: flag({
    default: true,
    doc: 'Whether the points are proposed in random order instead of lexicographic order.',
  }),
  limit: whole({ min: 1, default: 1_000_000, doc: 'Maximum number of points in the grid.' }),
})

export type GridOptions = OptionsOf<typeof gridOptions>
