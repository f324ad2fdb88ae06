/** Mean and standard deviation (n − 1) over seeds. */
export interface Measured {
  readonly mean: number
  readonly sd?: number
  readonly seeds: number
}

export function measured(values: readonly number[]): Measured {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, ...(values.length > 1 && { sd: Math.sqrt(squares / (values.length - 1)) }), seeds: values.length }
}

/** The house's form of a claim; `published` is null where no figure of the paper's could be had. */
export interface Claim {
  readonly id: string
  readonly metric: string
  readonly direction: 'maximise' | 'minimise'
  readonly published: number | null
  readonly baseline: (Measured & { readonly name: string }) | null
  readonly ours: Measured
  readonly holds: boolean
}

/** A row of a table of figures at each rate. */
export interface Row {
  readonly task: string
  readonly method: string
  readonly figure: string
  /** One mean a rate. */
  readonly values: readonly number[]
}

export const percent = (values: readonly number[]): string =>
  values.map((value) => (100 * value).toFixed(1).padStart(5)).join(' ')
