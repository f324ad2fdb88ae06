import { type Cell, numberOf, type Row, type Table } from '../../evaluators/tables/index.ts'
import { error } from './errors.ts'

/** What is known of a series beside the model of one step. Plain JSON: saved in model.json. */
export interface SeriesPlan {
  /** The column that is forecast. */
  readonly target: string
  /** The column by which rows are sorted. */
  readonly time?: string
  /** How many values before it a value is forecast from. */
  readonly lags: number
}

/** One value to come, and its time where the times of the series are ISO dates. */
export interface Forecast {
  readonly time?: string
  readonly value: number
}

/** What is learned is the change from the last value: a trend goes on beyond the values seen. */
export const change = (values: readonly number[], i: number) => values[i]! - values[i - 1]!

/** The features of the value at place i: the values before it relative to the last one, that one, and the calendar. */
export function lagRow(values: readonly number[], i: number, lags: number, time: Cell | undefined): Row {
  const last = values[i - 1]!
  const row: Record<string, Cell> = { order: i, ...calendar(time), lag_1: last }
  for (let k = 2; k <= lags; k++) row[`lag_${k}`] = values[i - k]! - last
  return row
}

const calendar = (cell: Cell | undefined): Row =>
  typeof cell === 'string' && /^\d{4}-\d{2}-\d{2}/.test(cell) ? { time: cell } : {}

/** Values one after the other, each from those before it; `predict` gives the change of one row. */
export async function forecastFrom(
  values: readonly number[],
  times: readonly Cell[] | undefined,
  { lags }: Pick<SeriesPlan, 'lags'>,
  count: number,
  predict: (row: Row) => Promise<number>,
): Promise<Forecast[]> {
  const known = [...values]
  const timeAt = stepOf(times)
  const out: Forecast[] = []
  for (let k = 1; k <= count; k++) {
    const time = timeAt?.(k)
    const value = known.at(-1)! + (await predict(lagRow(known, known.length, lags, time)))
    known.push(value)
    out.push({ ...(time !== undefined && { time }), value })
  }
  return out
}

/** The time k steps after the last one, where times are ISO dates at even distances. */
function stepOf(cells: readonly Cell[] | undefined): ((k: number) => string) | undefined {
  const [before, last] = (cells ?? [])
    .slice(-2)
    .map((cell) => (typeof cell === 'string' ? new Date(cell).getTime() : Number.NaN))
  if (before === undefined || last === undefined || Number.isNaN(before + last)) return undefined
  const isDay = String(cells!.at(-1)).length <= 10
  return (k) => new Date(last + k * (last - before)).toISOString().slice(0, isDay ? 10 : 19)
}

/** The cells of a column. Error: ARCHLOOM_FIT_SERIES where there is none of that name. */
export function cellsOf(table: Table, name: string): readonly Cell[] {
  const column = table.columns.find((each) => each.name === name)
  if (!column)
    throw error('ARCHLOOM_FIT_SERIES', {
      target: name,
      received: `no column of this name among ${table.columns.map((each) => each.name).join(', ')}`,
      expected: 'the columns that were named for it',
    })
  return column.cells
}

/** Rows by their time. */
export function sortedBy(table: Table, time: string | undefined): Table {
  if (time === undefined) return table
  const keys = cellsOf(table, time).map((cell) => {
    const plain = numberOf(cell, {})
    return Number.isNaN(plain) ? String(cell) : plain
  })
  const order = keys.map((_, i) => i).sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b))
  return { ...table, columns: table.columns.map(({ name, cells }) => ({ name, cells: order.map((i) => cells[i]!) })) }
}
