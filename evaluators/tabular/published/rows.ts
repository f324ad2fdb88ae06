/** One row of an own table: an architecture's text, and columns. */
export interface TableRow {
  readonly architecture: string
  /** Share of the full training, in (0, 1]. Absent: 1. */
  readonly fidelity?: number
  /** Seconds that the training took. */
  readonly seconds?: number
  readonly metrics: Readonly<Record<string, number>>
}
