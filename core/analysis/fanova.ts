import { bootstrapSample, goesLeft, type RegressionNode, regressionTree } from '../policy/regression-tree.ts'
import type { Random } from '../random.ts'
import type { Coordinate } from './levels.ts'

/** Shares of the variance of one tree's predictions, over the whole space by the measure of its decisions. */
export interface VarianceShares {
  /** What each decision explains by itself. */
  readonly single: readonly number[]
  /** What the two decisions of a pair explain together beyond what each explains by itself; [i][j] with i < j. */
  readonly pairs: readonly (readonly number[])[]
}

interface Leaf {
  readonly value: number
  /** For each decision, the cells of its scale that lead to this leaf. */
  readonly cells: readonly (readonly number[])[]
  /** For each decision, the measure of those cells. */
  readonly measure: readonly number[]
  readonly volume: number
}

/**
 * The exact functional decomposition of variance of one regression tree (Hutter, Hoos and Leyton-Brown 2014): a tree is
 * constant on boxes, so that every average over other decisions is a finite sum. Undefined where the tree is constant.
 */
export function treeVariance(
  tree: RegressionNode,
  coordinates: readonly Coordinate[],
  withPairs: boolean,
): VarianceShares | undefined {
  const cuts: number[][] = coordinates.map(() => [])
  const collect = ({ column, threshold, left, right }: RegressionNode) => {
    if (column === undefined) return
    if (threshold !== undefined) cuts[column]!.push(threshold)
    collect(left!)
    collect(right!)
  }
  collect(tree)
  const scales = coordinates.map((coordinate, i) => coordinate.cells(cuts[i]!))
  const measureOf = (cells: readonly number[], i: number) =>
    cells.reduce((sum, cell) => sum + scales[i]!.measure[cell]!, 0)

  const leaves: Leaf[] = []
  const descend = (node: RegressionNode, cells: readonly (readonly number[])[]) => {
    const { column } = node
    if (column === undefined) {
      const measure = cells.map(measureOf)
      const volume = measure.reduce((product, each) => product * each, 1)
      if (volume > 0) leaves.push({ value: node.value, cells, measure, volume })
      return
    }
    const { values } = scales[column]!
    const side = (left: boolean) =>
      cells.map((own, i) => (i === column ? own.filter((cell) => goesLeft(node, values[cell]!) === left) : own))
    descend(node.left!, side(true))
    descend(node.right!, side(false))
  }
  descend(
    tree,
    scales.map(({ values }) => values.map((_, cell) => cell)),
  )

  const mean = leaves.reduce((sum, { value, volume }) => sum + value * volume, 0)
  const total = leaves.reduce((sum, { value, volume }) => sum + volume * (value - mean) ** 2, 0)
  if (!(total > 0)) return undefined

  const single = coordinates.map((_, i) => {
    const marginal = new Float64Array(scales[i]!.values.length)
    for (const { value, cells, measure, volume } of leaves)
      for (const cell of cells[i]!) marginal[cell]! += ((value - mean) * volume) / measure[i]!
    return marginal.reduce((sum, each, cell) => sum + scales[i]!.measure[cell]! * each ** 2, 0) / total
  })
  const pairOf = (i: number, j: number) => {
    const width = scales[j]!.values.length
    const marginal = new Float64Array(scales[i]!.values.length * width)
    for (const { value, cells, measure, volume } of leaves) {
      const share = ((value - mean) * volume) / (measure[i]! * measure[j]!)
      for (const a of cells[i]!) for (const b of cells[j]!) marginal[a * width + b]! += share
    }
    const variance = marginal.reduce(
      (sum, each, k) => sum + scales[i]!.measure[Math.floor(k / width)]! * scales[j]!.measure[k % width]! * each ** 2,
      0,
    )
    return Math.max(0, variance / total - single[i]! - single[j]!)
  }
  const pairs = withPairs ? coordinates.map((_, i) => coordinates.map((_other, j) => (i < j ? pairOf(i, j) : 0))) : []
  return { single, pairs }
}

export interface ForestOptions {
  readonly trees: number
  readonly leafRows: number
  /** Each tree sees a bootstrap sample of the trials; otherwise all of them. */
  readonly bootstrap: boolean
  readonly pairs: boolean
  readonly rng: Random
}

/** The mean shares over the trees of a random forest. Undefined where every tree is constant. */
export function forestVariance(
  coordinates: readonly Coordinate[],
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  given: ForestOptions,
): VarianceShares | undefined {
  const columns = coordinates.map(({ column }) => column)
  const shares: VarianceShares[] = []
  for (let t = 0; t < given.trees; t++) {
    const rng = given.rng.fork(t)
    const sample = given.bootstrap ? bootstrapSample(rows.length, rng) : undefined
    const tree = regressionTree(
      { columns, rows, targets },
      { leafRows: given.leafRows, columnShare: given.bootstrap ? 5 / 6 : 1, rng, ...(sample && { sample }) },
    )
    const share = treeVariance(tree, coordinates, given.pairs)
    if (share) shares.push(share)
  }
  if (shares.length === 0) return undefined
  const mean = (of: (each: VarianceShares) => number) => shares.reduce((sum, each) => sum + of(each), 0) / shares.length
  return {
    single: coordinates.map((_, i) => mean(({ single }) => single[i]!)),
    pairs: given.pairs
      ? coordinates.map((_, i) => coordinates.map((_other, j) => mean(({ pairs }) => pairs[i]![j]!)))
      : [],
  }
}
