import { optionsFor, required, text, value, whole } from '../../core/options/index.ts'
import {
  type Cell,
  findTask,
  numberOf,
  type Row,
  readTable,
  type Table,
  tableOfRows,
} from '../../evaluators/tables/index.ts'
import { error } from './errors.ts'
import { type FitComparison, type FitOptions, type FitResult, fit } from './fit.ts'

export interface SeriesOptions {
  /** A file, or rows in memory, in the order of time unless `time` says otherwise. */
  readonly data: string | readonly Row[]
  /** The column to forecast. */
  readonly target: string
  /** A column of dates or numbers by which rows are sorted; its calendar is a feature. */
  readonly time?: string
  /** How many values before it a value is forecast from. Default: a fifth of the series, at most 48. */
  readonly lags?: number
  /** Options of `fit` that are passed on: minutes, budget, limits, trials, seed, onEvent, signal, clock. */
  readonly fit?: Omit<FitOptions, 'data' | 'target' | 'task' | 'time' | 'group'>
}

export interface FitSeriesResult extends Disposable {
  /** One step ahead, on the latest fifth of the series: root of the mean squared error, and R². */
  readonly metrics: FitResult['metrics']
  /** The model beside the forecast that nothing changes, on the same values. */
  readonly comparison: readonly FitComparison[]
  readonly trials: FitResult['trials']
  readonly warnings: readonly string[]
  readonly lags: number
  /** The next values, each forecast from those before it. @param count 1 or more */
  forecast(count: number): Promise<number[]>
  /** Writes the model of one step: its inputs are the lags as columns lag_1, lag_2, …. */
  export(folder: string): Promise<readonly string[]>
}

const declared = optionsFor<SeriesOptions>()('fitSeries', {
  data: required(value<SeriesOptions['data']>('a path, or rows that are objects')),
  target: required(text()),
  time: text(),
  lags: whole({ min: 1 }),
  fit: value<NonNullable<SeriesOptions['fit']>>('options of fit'),
})

const FEWEST = 20

/**
 * Forecasts a series: each value from the values before it, by the models of a table. What is measured is the latest
 * fifth, which the models had not seen.
 * Errors: those of `fit`; ARCHLOOM_FIT_SERIES for a series that is too short or has values missing.
 */
export async function fitSeries(given: SeriesOptions): Promise<FitSeriesResult> {
  const { data, target, time, fit: rest = {}, ...own } = declared.read(given)
  const table = sorted(typeof data === 'string' ? await readTable(data) : tableOfRows(data), time)
  const { task, targets, table: complete } = findTask(table, target, 'regression')
  if (complete.rows < table.rows)
    throw error('ARCHLOOM_FIT_SERIES', {
      target,
      received: `${table.rows - complete.rows} missing values`,
      expected: 'a value in every row; fill the gaps first',
    })
  const values = [...targets]
  const lags = own.lags ?? Math.max(1, Math.min(48, Math.floor(values.length / 5)))
  if (values.length < Math.max(FEWEST, lags + 10))
    throw error('ARCHLOOM_FIT_SERIES', {
      target,
      received: `${values.length} values`,
      expected: `at least ${Math.max(FEWEST, lags + 10)} for ${lags} lags`,
    })
  const timeCells = time === undefined ? undefined : table.columns.find(({ name }) => name === time)!.cells
  const rows: Row[] = []
  for (let i = lags; i < values.length; i++)
    rows.push({ order: i, ...calendar(timeCells?.[i]), ...lagRow(values, i, lags), value: change(values, i) })
  const result = await fit({ ...rest, data: rows, target: 'value', task: 'regression', time: 'order' })
  const naive = rootMeanSquare(
    rows
      .slice(Math.floor((rows.length * 4) / 5))
      .map((_, k) => change(values, lags + Math.floor((rows.length * 4) / 5) + k)),
  )
  return {
    metrics: result.metrics,
    trials: result.trials,
    warnings: result.warnings.filter((message) => !message.includes('"order"')),
    lags,
    comparison: [
      {
        metric: 'rmse',
        baseline: { name: 'the last value again', value: naive },
        found: { name: `${task.target}, one step ahead`, value: result.metrics.rmse! },
      },
    ],
    async forecast(count) {
      const known = [...values]
      const next: number[] = []
      const step = stepOf(timeCells)
      for (let k = 1; k <= count; k++) {
        const at = step === undefined ? undefined : step(k)
        const row = { order: known.length, ...calendar(at), ...lagRow(known, known.length, lags) }
        const [predicted] = (await result.predict([row])) as { value: number }[]
        const value = known.at(-1)! + predicted!.value
        known.push(value)
        next.push(value)
      }
      return next
    },
    export: (folder) => result.export(folder),
    [Symbol.dispose]: () => result[Symbol.dispose](),
  }
}

/** What is learned is the change from the last value: a trend goes on beyond the values seen. */
const change = (values: readonly number[], i: number) => values[i]! - values[i - 1]!

/** Values before place i relative to the last one, and that one. */
function lagRow(values: readonly number[], i: number, lags: number): Row {
  const last = values[i - 1]!
  const row: Record<string, number> = { lag_1: last }
  for (let k = 2; k <= lags; k++) row[`lag_${k}`] = values[i - k]! - last
  return row
}

const calendar = (cell: Cell | undefined): Row =>
  typeof cell === 'string' && /^\d{4}-\d{2}-\d{2}/.test(cell) ? { time: cell } : {}

/** The time k steps after the last one, where times are ISO dates at even distances. */
function stepOf(cells: readonly Cell[] | undefined): ((k: number) => string) | undefined {
  const [before, last] = (cells ?? [])
    .slice(-2)
    .map((cell) => (typeof cell === 'string' ? new Date(cell).getTime() : Number.NaN))
  if (before === undefined || last === undefined || Number.isNaN(before + last)) return undefined
  return (k) => new Date(last + k * (last - before)).toISOString().slice(0, 19)
}

function sorted(table: Table, time: string | undefined): Table {
  if (time === undefined) return table
  const column = table.columns.find(({ name }) => name === time)
  if (!column)
    throw error('ARCHLOOM_FIT_SERIES', {
      target: time,
      received: 'no such column',
      expected: `one of ${table.columns.map(({ name }) => name).join(', ')}`,
    })
  const keys = column.cells.map((cell) => {
    const plain = numberOf(cell, {})
    return Number.isNaN(plain) ? String(cell) : plain
  })
  const order = keys.map((_, i) => i).sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b))
  return { ...table, columns: table.columns.map(({ name, cells }) => ({ name, cells: order.map((i) => cells[i]!) })) }
}

const rootMeanSquare = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, each) => sum + each * each, 0) / values.length)
