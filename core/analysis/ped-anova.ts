import type { Coordinate } from './levels.ts'

/** Cells into which an ordered decision's scale is cut. */
const CELLS = 50

/** Scott's width of a kernel, 1.06 σ n^(−1/5). */
function scottWidth(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  return 1.06 * deviation * values.length ** -0.2
}

/** Density over `CELLS` equal cells of [low, high], by normal kernels that are cut off at the ends. */
function density(values: readonly number[], low: number, high: number, width: number): Float64Array {
  const step = (high - low) / CELLS
  const cells = new Float64Array(CELLS)
  const kernel = new Float64Array(CELLS)
  for (const value of values) {
    let sum = 0
    for (let c = 0; c < CELLS; c++) {
      kernel[c] = Math.exp(-(((low + (c + 0.5) * step - value) / width) ** 2) / 2)
      sum += kernel[c]!
    }
    for (let c = 0; c < CELLS; c++) cells[c]! += kernel[c]! / (sum * values.length)
  }
  return cells
}

/** Shares of each of the samples over the categories, or over the cells of an ordered decision. */
function sharesOf({ column }: Coordinate, all: readonly number[], best: readonly number[]): readonly Float64Array[] {
  const counted = (count: number, place: (value: number) => number) =>
    [all, best].map((values) => {
      const shares = new Float64Array(count)
      for (const value of values) shares[place(value)]! += 1 / values.length
      return shares
    })
  if (column.kind === 'categories') return counted(column.count, (value) => value)
  const present = [...new Set(all)].sort((a, b) => a - b)
  if (present.length <= 2) return counted(present.length, (value) => present.indexOf(value))
  const [low, high] = [present[0]!, present.at(-1)!]
  // One width for both, so that equal distributions have no divergence.
  const width = Math.max(scottWidth(best), (high - low) / CELLS / 2)
  return [all, best].map((values) => density(values, low, high, width))
}

/**
 * Pearson's divergence Σ p_all (p_best / p_all − 1)² of each decision's values among the best trials from those among all
 * trials that were given (PED-ANOVA, Watanabe, Bansal and Hutter 2023, in its local form): 0 where the best trials hold
 * the same values as all do.
 * @param isBest one per row.
 */
export function pearsonDivergences(
  coordinates: readonly Coordinate[],
  rows: readonly (readonly number[])[],
  isBest: readonly boolean[],
): readonly number[] {
  return coordinates.map((coordinate, i) => {
    const all = rows.map((row) => row[i]!)
    const best = all.filter((_, r) => isBest[r])
    const [p, q] = sharesOf(coordinate, all, best)
    let divergence = 0
    p!.forEach((share, c) => {
      if (share > 0) divergence += share * (q![c]! / share - 1) ** 2
    })
    return divergence
  })
}
