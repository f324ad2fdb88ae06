/** Memorized batch normalisation of [m][channels] tables in plain double precision, written apart from the layer. */
export type Table = readonly (readonly number[])[]

export interface Entry {
  readonly mean: readonly number[]
  readonly variance: readonly number[]
}

export interface Combined extends Entry {
  readonly share: number
}

export const EPSILON = 1e-5
type Kind = 'averaged' | 'pooled'

const columns = (x: Table) => (x[0] as readonly number[]).map((_, c) => x.map((row) => row[c] as number))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const at = (values: readonly number[], i: number) => values[i] as number

export function entryOf(x: Table): Entry {
  const mean = columns(x).map((column) => sum(column) / column.length)
  const variance = columns(x).map((column, c) => sum(column.map((v) => (v - at(mean, c)) ** 2)) / column.length)
  return { mean, variance }
}

/** Entries and weights newest first; weights sum to 1. */
export function combine(entries: readonly Entry[], weights: readonly number[], kind: Kind): Combined {
  const over = (value: (entry: Entry) => number) => sum(entries.map((entry, i) => at(weights, i) * value(entry)))
  const channels = (entries[0] as Entry).mean.map((_, c) => c)
  const mean = channels.map((c) => over((entry) => at(entry.mean, c)))
  const between = (entry: Entry, c: number) => (kind === 'pooled' ? (at(entry.mean, c) - at(mean, c)) ** 2 : 0)
  const variance = channels.map((c) => over((entry) => at(entry.variance, c) + between(entry, c)))
  return { mean, variance, share: at(weights, 0) }
}

export const normalised = (x: Table, { mean, variance }: Entry): number[][] =>
  x.map((row) => row.map((v, c) => (v - at(mean, c)) * (1 / Math.sqrt(at(variance, c) + EPSILON))))

/** dL/dx for L = Σ g·x̂, by the formulas of the method. */
export function backward(x: Table, g: Table, statistics: Combined, kind: Kind): number[][] {
  const own = entryOf(x)
  const unit = normalised(x, statistics)
  const m = x.length
  return columns(x)
    .map((column, c) => {
      const s = 1 / Math.sqrt(at(statistics.variance, c) + EPSILON)
      const gs = g.map((row) => at(row, c))
      const meanG = sum(gs) / m
      const meanGx = sum(gs.map((value, j) => value * at(unit[j] as number[], c))) / m
      return column.map((v, j) => {
        const centre = kind === 'pooled' ? at(unit[j] as number[], c) : (v - at(own.mean, c)) * s
        return s * (at(gs, j) - statistics.share * meanG - statistics.share * centre * meanGx)
      })
    })
    .reduce<number[][]>((rows, column) => column.map((v, j) => [...(rows[j] ?? []), v]), [])
}

/** The textbook rule, for comparison: one batch, no memory. */
export function batchNormalisation(x: Table, g: Table) {
  const { mean, variance } = entryOf(x)
  const y = normalised(x, { mean, variance })
  const m = x.length
  const dx = x.map((row, j) =>
    row.map((v, c) => {
      const s = 1 / Math.sqrt(at(variance, c) + EPSILON)
      const meanG = sum(g.map((each) => at(each, c))) / m
      const meanGx = sum(g.map((each, i) => at(each, c) * at(y[i] as number[], c))) / m
      return s * (at(g[j] as readonly number[], c) - meanG - (v - at(mean, c)) * s * meanGx)
    }),
  )
  return { y, dx }
}
