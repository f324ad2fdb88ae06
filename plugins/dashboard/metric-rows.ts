import type { MetricPanel } from './protocol.ts'

/** Rows that are kept; where more come, neighbours are joined. An even number. */
const ROWS = 2000
/** Metrics that are kept. */
const METRICS = 40

interface Column {
  readonly sums: number[]
  readonly counts: number[]
}

/** Metrics by step, as means over equally many reports, so that they take little memory however many come. */
export class MetricRows {
  readonly #x: number[] = []
  readonly #columns = new Map<string, Column>()
  #each = 1
  /** Reports in the last row. */
  #filled = 0
  isCut = false

  /** The x of the last report. */
  get last(): number | undefined {
    return this.#x.at(-1)
  }

  /** `x` is larger than that of the last report. Values that are not finite are left out. */
  add(x: number, metrics: Readonly<Record<string, number>>): void {
    if (this.#filled === this.#each || this.#x.length === 0) this.#openRow()
    const row = this.#x.length - 1
    this.#x[row] = x
    this.#filled++
    for (const [name, value] of Object.entries(metrics)) {
      const column = this.#column(name)
      if (!column || !Number.isFinite(value)) continue
      column.sums[row]! += value
      column.counts[row]! += 1
    }
  }

  /** Forgets the rows from an x on. */
  forget(from: number): void {
    const before = this.#x.length
    while (this.#x.length > 0 && this.#x.at(-1)! >= from) this.#x.pop()
    if (this.#x.length < before) this.#filled = this.#each
    for (const { sums, counts } of this.#columns.values()) sums.length = counts.length = this.#x.length
  }

  get rows(): Pick<MetricPanel, 'x' | 'metrics' | 'each'> {
    const means = ({ sums, counts }: Column) => sums.map((sum, i) => (counts[i]! > 0 ? sum / counts[i]! : null))
    return {
      x: [...this.#x],
      metrics: Object.fromEntries([...this.#columns].map(([name, column]) => [name, means(column)])),
      each: this.#each,
    }
  }

  #column(name: string): Column | undefined {
    const known = this.#columns.get(name)
    if (known) return known
    if (this.#columns.size >= METRICS) {
      this.isCut = true
      return undefined
    }
    const made = { sums: this.#x.map(() => 0), counts: this.#x.map(() => 0) }
    this.#columns.set(name, made)
    return made
  }

  #openRow(): void {
    if (this.#x.length === ROWS) this.#joinNeighbours()
    this.#x.push(0)
    this.#filled = 0
    for (const { sums, counts } of this.#columns.values()) {
      sums.push(0)
      counts.push(0)
    }
  }

  #joinNeighbours(): void {
    const half = ROWS / 2
    for (let i = 0; i < half; i++) this.#x[i] = this.#x[2 * i + 1]!
    this.#x.length = half
    for (const { sums, counts } of this.#columns.values())
      for (const values of [sums, counts]) {
        for (let i = 0; i < half; i++) values[i] = values[2 * i]! + values[2 * i + 1]!
        values.length = half
      }
    this.#each *= 2
  }
}
