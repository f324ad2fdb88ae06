import { assignment } from './assignment.ts'
import { dimensionOf, equallyMany, type Points } from './points.ts'

/** The cost of moving one point to another. */
export type GroundCost = 'squared-euclidean' | 'euclidean' | 'manhattan'

export interface TransportPlan {
  /** Mean cost of a pair: W₂² for 'squared-euclidean', W₁ for the two metrics. */
  readonly cost: number
  /** For each point of the first cloud, the number of its partner in the second. */
  readonly partners: Int32Array
}

const between: Readonly<Record<GroundCost, (a: ArrayLike<number>, b: ArrayLike<number>) => number>> = {
  'squared-euclidean': squared,
  euclidean: (a, b) => Math.sqrt(squared(a, b)),
  manhattan: (a, b) => {
    let sum = 0
    for (let k = 0; k < a.length; k++) sum += Math.abs(a[k]! - b[k]!)
    return sum
  },
}

function squared(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2
  return sum
}

/**
 * Exact optimal transport between two clouds with the same number of equally weighted points, for which an optimal
 * plan is a one-to-one assignment. Between two samples of the same distribution the cost is not 0. Errors:
 * ARCHLOOM_TRANSPORT_POINTS.
 */
export function exactTransport(a: Points, b: Points, cost: GroundCost = 'squared-euclidean'): TransportPlan {
  dimensionOf('exactTransport()', [a, b])
  const n = equallyMany('exactTransport()', a, b)
  const costs = new Float64Array(n * n)
  const of = between[cost]
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) costs[i * n + j] = of(a[i] as ArrayLike<number>, b[j] as ArrayLike<number>)
  const { columns, cost: total } = assignment(costs, n)
  return { cost: total / n, partners: columns }
}
