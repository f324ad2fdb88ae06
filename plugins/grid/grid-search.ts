import { type Controller, type ControllerFactory, fromUnit, type Genotype, type SearchSpace } from '../../core/index.ts'
import { error } from './errors.ts'
import { type GridOptions, gridOptions } from './options.ts'

/** Every genotype of the space in lexicographic order, with `points` values of each real decision. */
function* gridOf(space: SearchSpace, points: number, prefix: readonly number[] = []): Iterable<Genotype> {
  const decision = space.decisions[prefix.length]
  if (!decision) return yield prefix
  const values = space.allowed(prefix) ?? Array.from({ length: points }, (_, i) => fromUnit(decision, i / (points - 1)))
  for (const value of values) yield* gridOf(space, points, [...prefix, value])
}

/** Number of points of the grid, counted up to `limit`. */
export function gridSize(space: SearchSpace, points: number, limit: number): number {
  let size = 0
  for (const _ of gridOf(space, points)) if (++size > limit) break
  return size
}

/**
 * Grid search: every architecture once, with evenly spaced values of real decisions on their own scale; then it is
 * exhausted. Errors: ARCHLOOM_OPTION, ARCHLOOM_GRID_SIZE.
 */
export function gridSearch(given: GridOptions = {}): ControllerFactory {
  const { points, shuffle, limit } = gridOptions.read(given)
  return (space, rng): Controller => {
    const genotypes: Genotype[] = []
    for (const genotype of gridOf(space, points)) {
      if (genotypes.length >= limit) throw error('ARCHLOOM_GRID_SIZE', { space: space.label, limit })
      genotypes.push(genotype)
    }
    const order = shuffle ? rng.fork('order').shuffle(genotypes) : genotypes
    let next = 0
    return {
      get exhausted() {
        return next >= order.length
      },
      propose: () => (next < order.length ? { genotype: order[next++]! } : 'exhausted'),
      observe: () => ({ left: order.length - next }),
      [Symbol.dispose]: () => {},
    }
  }
}
