import { dominates } from '../trial/objective.ts'
import { error } from './errors.ts'
import { descending } from './population.ts'

export { dominates }

/** Pareto ranking of points whose every coordinate is better when larger. */
export type Point = readonly number[]

const isUnknown = (point: Point) => point.some(Number.isNaN)

/**
 * Fast non-dominated sort (Deb et al. 2002): indices of the points in fronts; no point of a front dominates another
 * of it, and each point of a later front is dominated by one of the front before. Points with a coordinate that is not a
 * number form a front of their own, the last. O(n² · objectives).
 */
export function nonDominatedSort(points: readonly Point[]): readonly (readonly number[])[] {
  const unknown = points.flatMap((point, i) => (isUnknown(point) ? [i] : []))
  if (unknown.length === 0) return sortKnown(points)
  const known = points.flatMap((point, i) => (isUnknown(point) ? [] : [i]))
  const fronts = sortKnown(known.map((i) => points[i]!)).map((front) => front.map((i) => known[i]!))
  return [...fronts, unknown]
}

function sortKnown(points: readonly Point[]): readonly (readonly number[])[] {
  const dominatedBy = points.map(() => 0)
  const dominated: number[][] = points.map(() => [])
  for (let i = 0; i < points.length; i++)
    for (let j = i + 1; j < points.length; j++) {
      const [a, b] = [points[i] as Point, points[j] as Point]
      const [upper, lower] = dominates(a, b) ? [i, j] : dominates(b, a) ? [j, i] : [-1, -1]
      if (upper < 0) continue
      ;(dominated[upper] as number[]).push(lower)
      dominatedBy[lower] = dominatedBy[lower]! + 1
    }
  const fronts: number[][] = []
  let front = points.flatMap((_, i) => (dominatedBy[i] === 0 ? [i] : []))
  while (front.length > 0) {
    fronts.push(front)
    const next: number[] = []
    for (const i of front)
      for (const j of dominated[i] as number[]) {
        dominatedBy[j] = dominatedBy[j]! - 1
        if (dominatedBy[j] === 0) next.push(j)
      }
    front = next.sort((a, b) => a - b)
  }
  return fronts
}

/**
 * Crowding distance of each point within its front (Deb et al. 2002): the sum over objectives of the gap between its
 * two neighbours, as a share of the front's extent; Infinity at the ends. 0 where a coordinate is not a number.
 */
export function crowdingDistance(front: readonly Point[]): readonly number[] {
  const distance = front.map(() => 0)
  const known = front.flatMap((point, i) => (isUnknown(point) ? [] : [i]))
  const objectives = front[0]?.length ?? 0
  for (let k = 0; k < objectives; k++) {
    const at = (i: number) => (front[i] as Point)[k] as number
    const order = known.toSorted((a, b) => descending(at(b), at(a)))
    const [first, last] = [order[0], order.at(-1)]
    if (first === undefined || last === undefined) break
    const extent = at(last) - at(first)
    distance[first] = Number.POSITIVE_INFINITY
    distance[last] = Number.POSITIVE_INFINITY
    // An objective with one value on the whole front contributes nothing (∞ − ∞ is not a number).
    if (!(extent > 0)) continue
    for (let r = 1; r < order.length - 1; r++) {
      const gap = at(order[r + 1]!) - at(order[r - 1]!)
      // With an infinite extent, a finite gap counts as a share of 0 and an infinite one as a share of 1.
      distance[order[r]!]! += gap === Number.POSITIVE_INFINITY ? 1 : gap > 0 ? gap / extent : 0
    }
  }
  return distance
}

/** Front (0 is the best) and crowding distance of every point, in the order given. */
export function nonDominatedRanking(points: readonly Point[]): readonly { front: number; crowding: number }[] {
  const ranking = points.map(() => ({ front: 0, crowding: 0 }))
  nonDominatedSort(points).forEach((indices, front) => {
    const crowding = crowdingDistance(indices.map((i) => points[i] as Point))
    indices.forEach((i, r) => {
      ranking[i] = { front, crowding: crowding[r] as number }
    })
  })
  return ranking
}

/**
 * Volume that the points dominate above a reference point, exact in any dimension: slices along the last objective,
 * each the hypervolume of one dimension less (Knowles 2002; While et al. 2006). Quick in two and three dimensions.
 * Points that do not exceed the reference in every coordinate, or hold a coordinate that is not a number, add nothing.
 * Error: ARCHLOOM_HYPERVOLUME_REFERENCE where the reference is not finite or of another length than a point.
 */
export function hypervolume(points: readonly Point[], reference: Point): number {
  const other = points.find((point) => point.length !== reference.length)
  if (reference.length === 0 || !reference.every(Number.isFinite) || other)
    throw error('ARCHLOOM_HYPERVOLUME_REFERENCE', { received: reference, objectives: (other ?? points[0])?.length })
  return volume(
    points.filter((point) => point.every((value, k) => value > reference[k]!)),
    reference,
    reference.length - 1,
  )
}

/** The hypervolume over the first `last + 1` objectives. */
function volume(points: readonly Point[], reference: Point, last: number): number {
  const at = (point: Point) => point[last] as number
  const floor = reference[last] as number
  if (last === 0) return points.reduce((most, point) => Math.max(most, at(point) - floor), 0)
  const order = [...points].sort((a, b) => at(b) - at(a))
  let total = 0
  order.forEach((point, i) => {
    const below = order[i + 1]
    const height = at(point) - (below ? at(below) : floor)
    if (height > 0) total += height * volume(order.slice(0, i + 1), reference, last - 1)
  })
  return total
}
