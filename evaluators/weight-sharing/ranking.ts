import { error } from './errors.ts'

/** Kendall's τ-b: −1 to 1, ties in either list taken out of the count; NaN where one list is constant. O(n²). */
export function kendallTau(a: readonly number[], b: readonly number[]): number {
  checkPair(a, b)
  let [concordance, untiedA, untiedB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const [signA, signB] = [
        Math.sign((a[i] as number) - (a[j] as number)),
        Math.sign((b[i] as number) - (b[j] as number)),
      ]
      concordance += signA * signB
      untiedA += signA * signA
      untiedB += signB * signB
    }
  return concordance / Math.sqrt(untiedA * untiedB)
}

/** Ranks from 1; equal values share the mean of theirs. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => (values[i] as number) - (values[j] as number))
  const out = new Array<number>(values.length)
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++
    for (let k = start; k < end; k++) out[order[k] as number] = (start + end + 1) / 2
    start = end
  }
  return out
}

/** Spearman's ρ: the linear correlation of ranks, −1 to 1; NaN where one list is constant. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  checkPair(a, b)
  const [x, y] = [ranks(a), ranks(b)]
  const mean = (a.length + 1) / 2
  let [xy, xx, yy] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [(x[i] as number) - mean, (y[i] as number) - mean]
    xy += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  return xy / Math.sqrt(xx * yy)
}

function checkPair(a: readonly number[], b: readonly number[]): void {
  const finite = [...a, ...b].every((value) => Number.isFinite(value))
  if (a.length !== b.length || a.length < 2 || !finite)
    throw error('ARCHLOOM_RANKING_INPUT', {
      received: `${a.length} and ${b.length} values${finite ? '' : ', not all finite'}`,
      expected: 'two lists of equally many finite numbers, at least two',
    })
}

/** How well one predictor orders architectures. */
export interface Ranking {
  readonly predictor: string
  readonly kendall: number
  readonly spearman: number
}

/**
 * Orders of architectures by shared weights and by what costs nothing (depth, multiply-adds, parameters), each against
 * the reference: a table, or stand-alone training. A supernet that ranks no better than parameters has learnt nothing.
 * Errors: ARCHLOOM_RANKING_INPUT.
 */
export const rankingReport = (
  reference: readonly number[],
  predictors: Readonly<Record<string, readonly number[]>>,
): readonly Ranking[] =>
  Object.entries(predictors).map(([predictor, values]) => ({
    predictor,
    kendall: kendallTau(values, reference),
    spearman: spearman(values, reference),
  }))

/** One operation of a graph; nodes are numbered so that `from` < `to`. */
export interface GraphEdge {
  readonly from: number
  readonly to: number
  /** What the operation adds to a path: 1 where it has weights, 0 where not, absent where nothing passes. */
  readonly length?: number | undefined
}

/** The longest path from a source to the last node, in operations with weights; 0 where nothing arrives. */
export function depthOf(edges: readonly GraphEdge[], sources: readonly number[], target: number): number {
  const longest = new Map<number, number>(sources.map((node) => [node, 0]))
  for (let node = 0; node <= target; node++)
    for (const { from, to, length } of edges) {
      const before = longest.get(from)
      if (to === node && before !== undefined && length !== undefined)
        longest.set(node, Math.max(longest.get(node) ?? 0, before + length))
    }
  return longest.get(target) ?? 0
}
