import type { Outcome } from '../../core/policy/index.ts'
import { descending, hypervolume, nonDominatedRanking, nonDominatedSort } from '../../core/policy/index.ts'

type Point = readonly number[]

/** How far below the worst value the reference point lies, as a share of the range of an objective. */
const MARGIN = 0.1

/** The points with every objective scaled to [0, 1]. */
function scaled(points: readonly Point[]): readonly Point[] {
  const objectives = points[0]?.length ?? 0
  const ranges = Array.from({ length: objectives }, (_, k) => {
    const values = points.map((point) => point[k]!).filter(Number.isFinite)
    const low = Math.min(...values)
    return { low, extent: Math.max(...values) - low || 1 }
  })
  return points.map((point) =>
    point.map((value, k) => Math.min(1, Math.max(0, (value - ranges[k]!.low) / ranges[k]!.extent))),
  )
}

/** Indices of `count` points whose common hypervolume is large: each one adds the most to those before it. */
function spread(points: readonly Point[], count: number, reference: Point): readonly number[] {
  const chosen: number[] = []
  const left = new Set(points.keys())
  // What a point adds never grows, so that points whose last known addition is too small need not be measured again.
  const adds = points.map((point) => hypervolume([point], reference))
  let volume = 0
  while (chosen.length < count && left.size > 0) {
    let best = -1
    for (const i of [...left].sort((a, b) => adds[b]! - adds[a]! || a - b)) {
      if (best >= 0 && adds[i]! <= adds[best]!) break
      adds[i] =
        hypervolume(
          [...chosen, i].map((each) => points[each]!),
          reference,
        ) - volume
      if (best < 0 || adds[i]! > adds[best]!) best = i
    }
    volume += adds[best]!
    chosen.push(best)
    left.delete(best)
  }
  return chosen
}

/** A selection of points: their indices, the best front first, and the weight of each. */
export interface FrontSelection {
  readonly indices: readonly number[]
  /** What each adds to the hypervolume of all, as a share of the largest addition. */
  readonly weights: readonly number[]
}

/** The least weight, so that a dominated point is not lost. */
const LEAST = 1e-3

/**
 * The `count` best points as in MOTPE (Ozaki et al. 2022): whole fronts as long as they fit, and of the next one a subset
 * with a large hypervolume.
 *
 * @param points larger is better in every coordinate
 */
export function bestByFronts(points: readonly Point[], count: number): FrontSelection {
  const unit = scaled(points)
  const reference = (unit[0] ?? []).map(() => -MARGIN)
  const indices: number[] = []
  for (const front of nonDominatedSort(points)) {
    const room = count - indices.length
    if (room <= 0) break
    if (front.length <= room) indices.push(...front)
    else
      indices.push(
        ...spread(
          front.map((i) => unit[i]!),
          room,
          reference,
        ).map((k) => front[k]!),
      )
  }
  const chosen = indices.map((i) => unit[i]!)
  const whole = hypervolume(chosen, reference)
  const added = chosen.map((_, k) => whole - hypervolume(chosen.toSpliced(k, 1), reference))
  const most = Math.max(...added)
  return { indices, weights: added.map((value) => (most > 0 ? Math.max(LEAST, value / most) : 1)) }
}

/** Beyond this number of comparable trials, all but the better half are left out from then on. */
const CROWD = 256

/** Chooses the good trials of several objectives among outcomes that are sorted by `feasibleFirst`. */
export function frontChooser() {
  /** Trials that will not be among the best, because a point's front only moves back as points are added. */
  const retired = new Set<number>()
  const retireWorst = (block: readonly number[], points: readonly Point[]) => {
    const ranking = nonDominatedRanking(points)
    const order = block
      .map((index, k) => ({ index, ...ranking[k]! }))
      .sort((a, b) => a.front - b.front || descending(a.crowding, b.crowding) || a.index - b.index)
    for (const { index } of order.slice(CROWD >> 1)) retired.add(index)
  }
  return {
    forget: () => retired.clear(),
    choose(order: readonly number[], outcomes: readonly Outcome[], count: number) {
      const weights = new Map<number, number>()
      const isLike = (a: Outcome, b: Outcome) =>
        a.violation === b.violation &&
        a.fidelity === b.fidelity &&
        (a.reward === undefined) === (b.reward === undefined)
      for (let start = 0; start < order.length && weights.size < count; ) {
        const first = outcomes[order[start]!]!
        let end = start
        while (end < order.length && isLike(outcomes[order[end]!]!, first)) end++
        const block = order.slice(start, end).filter((i) => !retired.has(i))
        start = end
        if (first.reward === undefined || first.violation > 0) {
          for (const i of block.slice(0, count - weights.size)) weights.set(i, 1)
          continue
        }
        const points = block.map((i) => outcomes[i]!.objectives)
        const best = bestByFronts(points, count - weights.size)
        for (const [k, i] of best.indices.entries()) weights.set(block[i]!, best.weights[k]!)
        if (block.length > CROWD) retireWorst(block, points)
      }
      return weights
    },
  }
}
