/** A row of a table of figures at each rate. */
export interface Row {
  readonly task: string
  readonly method: string
  readonly figure: string
  /** One mean per rate. */
  readonly values: readonly number[]
}

export const percent = (values: readonly number[]): string =>
  values.map((value) => (100 * value).toFixed(1).padStart(5)).join(' ')
