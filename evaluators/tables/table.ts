/** A value as it was read: text, a number, or nothing. */
export type Cell = string | number | null

/** A table as it was read, by columns. All columns have the same length. */
export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
  readonly rows: number
  /** What was changed or left out while reading. */
  readonly notes: readonly string[]
  /**
   * The delimiter of the file, if it had one. A decimal comma is possible only if the delimiter is another character.
   */
  readonly delimiter?: string
  /** Rows of the file that are not in the table, counted from 1, the names included. */
  readonly leftOut?: readonly number[]
}

export interface Column {
  readonly name: string
  readonly cells: readonly Cell[]
}

/** One row as an object, in the form that `predict` accepts. */
export type Row = Readonly<Record<string, unknown>>

/** Strings that mean a missing value, after trimming. */
export const missingTexts: ReadonlySet<string> = new Set([
  '',
  'NA',
  'N/A',
  'NaN',
  'nan',
  'null',
  'NULL',
  'None',
  '?',
  '-',
])

/**
 * Converts any value to a cell. Booleans and dates become text; big integers become text unless they are safe numbers.
 */
export function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : String(value)
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).trim()
  return missingTexts.has(text) ? null : text
}

/** Makes a table of rows that are objects. A value that a row lacks is missing, and so is an infinite one, which is noted. */
export function tableOfRows(rows: readonly Row[], name = 'rows'): Table {
  const names: string[] = []
  const known = new Set<string>()
  for (const row of rows)
    for (const key of Object.keys(row))
      if (!known.has(key)) {
        known.add(key)
        names.push(key)
      }
  const columns = names.map((column) => ({ name: column, cells: rows.map((row) => cellOf(row[column])) }))
  const notes = names.flatMap((column) => {
    const infinite = rows.filter(
      (row) => row[column] === Number.POSITIVE_INFINITY || row[column] === Number.NEGATIVE_INFINITY,
    ).length
    return infinite === 0 ? [] : [`${column}: ${infinite} infinite values count as missing`]
  })
  return { name, columns, rows: rows.length, notes }
}

/** The same table without some columns. */
export const withoutColumns = (table: Table, names: readonly string[]): Table => ({
  ...table,
  columns: table.columns.filter(({ name }) => !names.includes(name)),
})

/** The rows at the given places, in that order. */
export const rowsOf = (table: Table, indices: ArrayLike<number>): Table => ({
  ...table,
  rows: indices.length,
  columns: table.columns.map(({ name, cells }) => ({ name, cells: Array.from(indices, (i) => cells[i]!) })),
})
