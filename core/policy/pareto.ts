import { dominates } from '../search/objective.ts'

export { dominates }

/** Pareto ranking of points whose every coordinate is better when larger. */
export type Point = readonly number[]

/**
 * Fast non-dominated sort (Deb et al. 2002): indices of the points in fronts; no point of a front dominates another
 * of it, and each point of a later front is dominated by one of the front before. O(n² · objectives).
 */
export function nonDominatedSort(points: readonly Point[]): readonly (readonly number[])[] {
  const dominatedBy = points.map(() => 0)
  const dominated: number[][] = points.map(() => [])
  for (let i = 0; i < points.length; i++)
    for (let j = i + 1; j < points.length; j++) {
      const [a, b] = [points[i] as Point, points[j] as Point]
      const [upper, lower] = dominates(a, b) ? [i, j] : dominates(b, a) ? [j, i] : [-1, -1]
      if (upper < 0) continue
      ;(dominated[upper] as number[]).push(lower)
      dominatedBy[lower] = (dominatedBy[lower] as number) + 1
    }
  const fronts: number[][] = []
  let front = points.flatMap((_, i) => (dominatedBy[i] === 0 ? [i] : []))
  while (front.length > 0) {
    fronts.push(front)
    const next: number[] = []
    for (const i of front)
      for (const j of dominated[i] as number[]) {
        dominatedBy[j] = (dominatedBy[j] as number) - 1
        if (dominatedBy[j] === 0) next.push(j)
      }
    front = next.sort((a, b) => a - b)
  }
  return fronts
}

/**
 * Crowding distance of each point within its front (Deb et al. 2002): the sum over objectives of the gap between its
 * two neighbours, as a share of the front's extent; Infinity at the ends.
 */
export function crowdingDistance(front: readonly Point[]): readonly number[] {
  const distance = front.map(() => 0)
  const objectives = front[0]?.length ?? 0
  for (let k = 0; k < objectives; k++) {
    const at = (i: number) => (front[i] as Point)[k] as number
    const order = front.map((_, i) => i).sort((a, b) => at(a) - at(b))
    const [first, last] = [order[0] as number, order.at(-1) as number]
    const extent = at(last) - at(first)
    distance[first] = Number.POSITIVE_INFINITY
    distance[last] = Number.POSITIVE_INFINITY
    // An objective on which the whole front agrees tells nothing apart.
    if (extent === 0) continue
    for (let r = 1; r < order.length - 1; r++) {
      const i = order[r] as number
      distance[i] = (distance[i] as number) + (at(order[r + 1] as number) - at(order[r - 1] as number)) / extent
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
 */
export function hypervolume(points: readonly Point[], reference: Point): number {
  return volume(
    points.filter((point) => point.every((value, k) => value > (reference[k] as number))),
    reference,
    reference.length - 1,
  )
}

/** Of the first `last + 1` objectives. */
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
