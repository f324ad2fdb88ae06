import { error } from './errors.ts'

/** Kendall's τ-b, −1 to 1, which corrects for ties; NaN if a list is constant. It takes O(n²) time. */
export function kendallTau(a: readonly number[], b: readonly number[]): number {
  checkPair(a, b)
  let [concordance, untiedA, untiedB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const [signA, signB] = [Math.sign(a[i]! - a[j]!), Math.sign(b[i]! - b[j]!)]
      concordance += signA * signB
      untiedA += signA * signA
      untiedB += signB * signB
    }
  return concordance / Math.sqrt(untiedA * untiedB)
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!)
  const out = new Array<number>(values.length)
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++
    for (let k = start; k < end; k++) out[order[k] as number] = (start + end + 1) / 2
    start = end
  }
  return out
}

/** Spearman's ρ: the linear correlation of ranks, −1 to 1; NaN if a list is constant. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  checkPair(a, b)
  const [x, y] = [ranks(a), ranks(b)]
  const mean = (a.length + 1) / 2
  let [xy, xx, yy] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - mean, y[i]! - mean]
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
      expected: 'two lists of the same number of finite numbers, at least two',
    })
}

/** How well one predictor ranks architectures. */
export interface Ranking {
  readonly predictor: string
  readonly kendall: number
  readonly spearman: number
}

/**
 * Compares the rankings of architectures by shared weights and by costs (depth, multiply-adds, parameters) with the
 * reference: a table, or stand-alone training. A supernet should rank better than the number of parameters. Errors:
 * ARCHLOOM_RANKING_INPUT.
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
  /** What the operation adds to a path: 1 if it has weights, otherwise 0; undefined if nothing passes. */
  readonly length?: number | undefined
}

/** The longest path from a source to the last node, in operations with weights; 0 if no path exists. */
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
