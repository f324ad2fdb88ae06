import { optionNames } from '../options/index.ts'
import type { Random } from '../random.ts'

/** What a column of a table holds: numbers, or one of `count` categories that have no order (0 … count − 1). */
export type Column = { readonly kind: 'ordered' } | { readonly kind: 'categories'; readonly count: number }

/** Rows to learn from. */
export interface RegressionTable {
  readonly columns: readonly Column[]
  /** [rows][columns] */
  readonly rows: readonly ArrayLike<number>[]
  /** One number per row, all finite. */
  readonly targets: ArrayLike<number>
}

export interface RegressionTreeOptions {
  /** Rows of a leaf, at least. Default 1. */
  readonly leafRows?: number
  /**
   * 'best' takes the split with the least squared error (CART, Breiman et al. 1984; categories in the order of their mean
   * target, which holds the best subset). 'random' draws one split per column and takes the best of them (extremely
   * randomised trees, Geurts et al. 2006). Default 'best'.
   */
  readonly splits?: 'best' | 'random'
  /** Share of the columns, drawn anew at every node, among which a split is looked for. Default 1. */
  readonly columnShare?: number
  /** Indices of the rows to learn from; one may occur several times. Default: all. */
  readonly sample?: readonly number[]
  readonly rng: Random
}

/** One node: a leaf has no column. Numbers at most `threshold`, or categories with a 1 in `subset`, go left. */
export interface RegressionNode {
  readonly value: number
  readonly column?: number
  readonly threshold?: number
  readonly subset?: Uint8Array
  readonly left?: RegressionNode
  readonly right?: RegressionNode
}

const names = optionNames<RegressionTreeOptions>('regressionTree', {
  leafRows: true,
  splits: true,
  columnShare: true,
  sample: true,
  rng: true,
})

/** Whether a row's value goes to the left of a node. */
export const goesLeft = (
  { threshold, subset }: Pick<RegressionNode, 'threshold' | 'subset'>,
  value: number,
): boolean => (subset ? subset[value] === 1 : value <= threshold!)

/** Options of one split, without its node. */
interface Found {
  readonly column: number
  readonly threshold?: number
  readonly subset?: Uint8Array
}

/** Grows one regression tree. */
export function regressionTree(table: RegressionTable, options: RegressionTreeOptions): RegressionNode {
  const { leafRows = 1, splits = 'best', columnShare = 1, sample, rng } = names(options)
  const { columns, rows } = table
  const targets = Float64Array.from(table.targets)
  const wanted = Math.max(1, Math.round(columnShare * columns.length))
  const all = columns.map((_, column) => column)
  const values = columns.map((_, column) => Float64Array.from(rows, (row) => row[column]!))
  /** Rows of the tree; those of a node lie between `start` and `end`. */
  const members = Int32Array.from(sample ?? rows.keys())

  // The best split of the node that is being looked at. Scores: (sum of targets)² / rows, added over both sides.
  let found: Found | undefined
  let foundScore = Number.NEGATIVE_INFINITY
  const offer = (score: number, make: () => Found) => {
    if (found && score <= foundScore) return
    found = make()
    foundScore = score
  }

  function bestOrdered(column: number, start: number, end: number, total: number): void {
    const own = values[column]!
    const order = members.slice(start, end).sort((a, b) => own[a]! - own[b]!)
    let sum = 0
    let best: { readonly threshold: number; readonly score: number } | undefined
    for (let k = 0; k + 1 < order.length; k++) {
      sum += targets[order[k]!]!
      const [low, high] = [own[order[k]!]!, own[order[k + 1]!]!]
      if (low === high || k + 1 < leafRows || order.length - k - 1 < leafRows) continue
      const score = sum ** 2 / (k + 1) + (total - sum) ** 2 / (order.length - k - 1)
      if (!best || score > best.score) best = { threshold: (low + high) / 2, score }
    }
    if (best) offer(best.score, () => ({ column, threshold: best!.threshold }))
  }

  function bestCategories(column: number, count: number, start: number, end: number, total: number): void {
    const own = values[column]!
    const [sums, counts] = [new Float64Array(count), new Float64Array(count)]
    for (let k = start; k < end; k++) {
      sums[own[members[k]!]!]! += targets[members[k]!]!
      counts[own[members[k]!]!]!++
    }
    const present = [...counts.keys()].filter((c) => counts[c]! > 0)
    present.sort((a, b) => sums[a]! / counts[a]! - sums[b]! / counts[b]! || a - b)
    const size = end - start
    let [sum, left, taken, best] = [0, 0, 0, Number.NEGATIVE_INFINITY]
    for (let k = 0; k + 1 < present.length; k++) {
      sum += sums[present[k]!]!
      left += counts[present[k]!]!
      if (left < leafRows || size - left < leafRows) continue
      const score = sum ** 2 / left + (total - sum) ** 2 / (size - left)
      if (score > best) [taken, best] = [k + 1, score]
    }
    if (taken === 0) return
    const subset = new Uint8Array(count)
    for (const c of present.slice(0, taken)) subset[c] = 1
    offer(best, () => ({ column, subset }))
  }

  function randomOrdered(column: number, start: number, end: number, total: number): void {
    const own = values[column]!
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (let k = start; k < end; k++) {
      const value = own[members[k]!]!
      if (value < low) low = value
      if (value > high) high = value
    }
    if (low === high) return
    const threshold = low + rng.float() * (high - low)
    let [sum, left] = [0, 0]
    for (let k = start; k < end; k++) {
      if (own[members[k]!]! > threshold) continue
      sum += targets[members[k]!]!
      left++
    }
    const right = end - start - left
    if (left < leafRows || right < leafRows) return
    offer(sum ** 2 / left + (total - sum) ** 2 / right, () => ({ column, threshold }))
  }

  // Of each column of categories: how many rows of the node have one, and which go left.
  const scratch = columns.map((kind) => new Int32Array(kind.kind === 'categories' ? kind.count : 0))
  const sides = columns.map((kind) => new Uint8Array(kind.kind === 'categories' ? kind.count : 0))

  function randomCategories(column: number, start: number, end: number, total: number): void {
    const [own, counts, subset] = [values[column]!, scratch[column]!, sides[column]!]
    counts.fill(0)
    for (let k = start; k < end; k++) counts[own[members[k]!]!]!++
    let present = 0
    let [on, bits] = [0, 0]
    for (let c = 0; c < counts.length; c++) {
      if (c % 30 === 0) bits = Math.floor(rng.float() * 2 ** 30)
      subset[c] = (bits >> (c % 30)) & 1
      if (counts[c] === 0) continue
      present++
      on += subset[c]!
    }
    if (present < 2) return
    // Some of those present go to either side.
    if (on === 0 || on === present) {
      let skip = rng.int(present)
      for (let c = 0; c < counts.length; c++)
        if (counts[c]! > 0 && skip-- === 0) {
          subset[c] = 1 - subset[c]!
          break
        }
    }
    let [sum, left] = [0, 0]
    for (let k = start; k < end; k++) {
      if (subset[own[members[k]!]!] === 0) continue
      sum += targets[members[k]!]!
      left++
    }
    const right = end - start - left
    if (left < leafRows || right < leafRows) return
    offer(sum ** 2 / left + (total - sum) ** 2 / right, () => ({ column, subset: subset.slice() }))
  }

  function splitOf(start: number, end: number, total: number): Found | undefined {
    found = undefined
    let looked = 0
    for (const column of wanted < columns.length ? rng.shuffle(all) : all) {
      // Beyond the share only while no split was found.
      if (looked++ >= wanted && found) break
      const kind = columns[column]!
      if (kind.kind === 'ordered') (splits === 'random' ? randomOrdered : bestOrdered)(column, start, end, total)
      else if (splits === 'random') randomCategories(column, start, end, total)
      else bestCategories(column, kind.count, start, end, total)
    }
    return found
  }

  function grow(start: number, end: number): RegressionNode {
    let total = 0
    let isPure = true
    for (let k = start; k < end; k++) {
      total += targets[members[k]!]!
      isPure &&= targets[members[k]!] === targets[members[start]!]
    }
    const value = total / (end - start)
    const split = isPure || end - start < 2 * leafRows ? undefined : splitOf(start, end, total)
    if (!split) return { value }
    const own = values[split.column]!
    let middle = start
    for (let k = start; k < end; k++) {
      const row = members[k]!
      if (!goesLeft(split, own[row]!)) continue
      members[k] = members[middle]!
      members[middle++] = row
    }
    return { value, ...split, left: grow(start, middle), right: grow(middle, end) }
  }

  return grow(0, members.length)
}

/** What a tree predicts for a row. */
export function treeValue(tree: RegressionNode, row: ArrayLike<number>): number {
  let node = tree
  while (node.column !== undefined) node = goesLeft(node, row[node.column]!) ? node.left! : node.right!
  return node.value
}

/** So many rows drawn with replacement: a bootstrap sample. */
export const bootstrapSample = (rows: number, rng: Random): readonly number[] =>
  Array.from({ length: rows }, () => rng.int(rows))
