import { error } from './errors.ts'

/** A cloud of points of equal weight: one array of coordinates a point. */
export type Points = readonly ArrayLike<number>[]

/** Rows [count, dimension] in one typed array, as a tensor's values come, cut into points (views, no copies). */
export function pointsOf(values: Float32Array | Float64Array, dimension: number): Points {
  const count = values.length / dimension
  if (!Number.isInteger(count))
    throw error('ARCHLOOM_TRANSPORT_POINTS', {
      where: 'pointsOf()',
      received: `${values.length} values`,
      expected: `rows of ${dimension}`,
    })
  return Array.from({ length: count }, (_, i) => values.subarray(i * dimension, (i + 1) * dimension))
}

/** The common dimension of clouds that are not empty, hold finite numbers and lie in one space. */
export function dimensionOf(where: string, clouds: readonly Points[]): number {
  const dimension = clouds[0]?.[0]?.length ?? 0
  for (const cloud of clouds) {
    if (cloud.length === 0)
      throw error('ARCHLOOM_TRANSPORT_POINTS', { where, received: 'an empty cloud', expected: 'at least one point' })
    for (const [i, point] of cloud.entries()) {
      if (point.length !== dimension || dimension === 0)
        throw error('ARCHLOOM_TRANSPORT_POINTS', {
          where,
          received: `a point of dimension ${point.length} (number ${i})`,
          expected: `dimension ${dimension || 'at least 1'} everywhere`,
        })
      for (let k = 0; k < dimension; k++)
        if (!Number.isFinite(point[k]))
          throw error('ARCHLOOM_TRANSPORT_POINTS', {
            where,
            received: `the coordinate ${point[k]} (point ${i})`,
            expected: 'finite numbers',
          })
    }
  }
  return dimension
}

/** Clouds of the same number of points. */
export function equallyMany(where: string, a: Points, b: Points): number {
  if (a.length !== b.length)
    throw error('ARCHLOOM_TRANSPORT_POINTS', {
      where,
      received: `${a.length} and ${b.length} points`,
      expected: 'as many in both clouds; take the first so many of the larger one',
    })
  return a.length
}
