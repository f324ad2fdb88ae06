import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('tables', {
  ARCHLOOM_TABLE_READ: (d: { path: string; reason: string }) =>
    `${d.path} cannot be read as a table: ${d.reason}. Expected CSV or TSV, JSON lines, a JSON array of objects, or Parquet.`,
  ARCHLOOM_TABLE_EMPTY: (d: { name: string; received: string }) =>
    `${d.name} has ${d.received}; expected column names and at least one row of values.`,
  ARCHLOOM_TABLE_RAGGED: (d: { name: string; rows: number; first: number; received: number; expected: number }) =>
    `${d.name}: ${d.rows} rows have a different number of fields than the header; row ${d.first} has ${d.received}, expected ${d.expected}. Quote the fields that contain the delimiter, or correct the rows.`,
  ARCHLOOM_TABLE_TARGET: (d: { target: unknown; purpose: string; columns: readonly string[]; suggestion: string }) =>
    `there is no column ${quote(d.target)} to ${d.purpose}; expected one of ${quote(d.columns, 400)}.${d.suggestion}`,
  ARCHLOOM_TABLE_TARGET_TYPE: (d: { target: string; received: string }) =>
    `column ${quote(d.target)} holds ${d.received}; regression and forecasts need numbers. Choose a column of numbers, or predict classes (task classification).`,
  ARCHLOOM_TABLE_CONSTANT: (d: { target: string; value: string; rows: number }) =>
    `column ${quote(d.target)} has the same value ${quote(d.value)} in all ${d.rows} rows, so there is nothing to learn. Choose another target.`,
  ARCHLOOM_TABLE_TARGET_RANGE: (d: { target: string; received: number; most: number }) =>
    `column ${quote(d.target)} has the value ${d.received}; expected values from ${-d.most} to ${d.most}, because models compute in 32-bit numbers. Correct the value, or predict the column in another unit.`,
  ARCHLOOM_TABLE_TOO_SMALL: (d: { rows: number; least: number; target: string }) =>
    `${d.rows} rows have a value in column ${quote(d.target)}; expected at least ${d.least} for training and checking.`,
  ARCHLOOM_TABLE_FEATURES: (d: { target: string; dropped: readonly string[] }) =>
    `no column is left to predict ${quote(d.target)} from: ${d.dropped.length === 0 ? 'the table has no other column' : d.dropped.join('; ')}. Add columns that carry information about the target.`,
  ARCHLOOM_TABLE_TRUTH: (d: { row: number; target: string; received: unknown; expected: string }) =>
    `row ${d.row} has ${quote(d.received)} as its ${quote(d.target)}; expected ${d.expected}.`,
})
