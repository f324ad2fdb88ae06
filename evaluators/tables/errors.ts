import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('tables', {
  ARCHLOOM_TABLE_READ: (d: { path: string; reason: string }) =>
    `${d.path} cannot be read as a table: ${d.reason}. Expected CSV or TSV, JSON lines, a JSON array of objects, or Parquet.`,
  ARCHLOOM_TABLE_EMPTY: (d: { name: string; received: string }) =>
    `${d.name} has ${d.received}; expected names of columns and at least one row of values.`,
  ARCHLOOM_TABLE_RAGGED: (d: { name: string; rows: number; first: number; received: number; expected: number }) =>
    `${d.name}: ${d.rows} rows have another number of fields than the names of the columns; row ${d.first} has ${d.received}, expected ${d.expected}. Quote the fields that hold the delimiter, or mend the rows.`,
  ARCHLOOM_TABLE_TARGET: (d: { target: unknown; columns: readonly string[]; suggestion: string }) =>
    `there is no column ${quote(d.target)} to predict; expected one of ${quote(d.columns, 400)}.${d.suggestion}`,
  ARCHLOOM_TABLE_CONSTANT: (d: { target: string; value: string; rows: number }) =>
    `column ${quote(d.target)} holds the one value ${quote(d.value)} in all of ${d.rows} rows, so there is nothing to learn. Choose another target.`,
  ARCHLOOM_TABLE_TOO_SMALL: (d: { rows: number; least: number; target: string }) =>
    `${d.rows} rows have a value in column ${quote(d.target)}; expected at least ${d.least} to learn from and to check with.`,
  ARCHLOOM_TABLE_FEATURES: (d: { target: string; dropped: readonly string[] }) =>
    `no column is left to predict ${quote(d.target)} from; left out were ${quote(d.dropped, 400)}. Add columns that say something about the target.`,
})
