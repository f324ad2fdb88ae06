import { error } from './errors.ts'

/** A cloud of equally weighted points: one array of coordinates per point. */
export type Points = readonly ArrayLike<number>[]

/**
 * Splits one typed array of rows [count, dimension], such as the values of a tensor, into points (views, not copies).
 */
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

/** The common dimension of clouds. Checks that they are not empty, hold finite numbers and have the same dimension. */
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

/** Checks that clouds have the same number of points, and returns it. */
export function equallyMany(where: string, a: Points, b: Points): number {
  if (a.length !== b.length)
    throw error('ARCHLOOM_TRANSPORT_POINTS', {
      where,
      received: `${a.length} and ${b.length} points`,
      expected: 'the same number in both clouds; use a part of the larger one',
    })
  return a.length
}
