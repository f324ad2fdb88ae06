import { optionsFor, required, text, value, whole } from '../../core/options/index.ts'
import { findTask, type Row, readTable, tableOfRows } from '../../evaluators/tables/index.ts'
import { error } from './errors.ts'
import { type FitComparison, type FitOptions, type FitResult, fitWith } from './fit.ts'
import { cellsOf, change, type Forecast, forecastFrom, lagRow, type SeriesPlan, sortedBy } from './lags.ts'

export interface SeriesOptions {
  /** A file, or rows in memory, in the order of time unless `time` says otherwise. */
  readonly data: string | readonly Row[]
  /** The column to forecast; default: the last one. */
  readonly target?: string
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
  readonly latency?: FitResult['latency']
  /** The next values, each forecast from those before it. @param count 1 or more */
  forecast(count: number): Promise<number[]>
  /** The same with their times, where the times of the series are ISO dates. */
  forecastWithTimes(count: number): Promise<readonly Forecast[]>
  /** Writes the model of one step, whose inputs are the lags; `loadModel` and `archloom predict` make them of a series. */
  export(folder: string): Promise<readonly string[]>
}

const declared = optionsFor<SeriesOptions>()('fitSeries', {
  data: required(
    value<SeriesOptions['data']>('a path, or rows that are objects', {
      doc: 'A file, or rows in memory, in the order of time unless `time` says otherwise.',
    }),
  ),
  target: text({ absent: 'the last column', doc: 'The column to forecast.' }),
  time: text({ doc: 'A column of dates or numbers by which rows are sorted; its calendar is a feature.' }),
  lags: whole({
    min: 1,
    absent: 'a fifth of the series, at most 48',
    doc: 'How many earlier values each value is forecast from.',
  }),
  fit: value<NonNullable<SeriesOptions['fit']>>('options of fit', { doc: 'Options of `fit` that are passed on.' }),
})

const FEWEST = 20

/**
 * Forecasts a series: each value from the values before it, by the models of a table. What is measured is the latest
 * fifth, which the models had not seen.
 * Errors: those of `fit`; ARCHLOOM_FIT_SERIES for a series that is too short or has values missing.
 */
export async function fitSeries(given: SeriesOptions): Promise<FitSeriesResult> {
  const { data, target, time, fit: rest = {}, ...own } = declared.read(given)
  const table = sortedBy(typeof data === 'string' ? await readTable(data) : tableOfRows(data), time)
  const { task, targets, table: complete } = findTask(table, target, 'regression')
  if (complete.rows < table.rows)
    throw error('ARCHLOOM_FIT_SERIES', {
      target: task.target,
      received: `${table.rows - complete.rows} missing values`,
      expected: 'a value in every row; fill the gaps first',
    })
  const values = [...targets]
  const lags = own.lags ?? Math.max(1, Math.min(48, Math.floor(values.length / 5)))
  if (values.length < Math.max(FEWEST, lags + 10))
    throw error('ARCHLOOM_FIT_SERIES', {
      target: task.target,
      received: `${values.length} values`,
      expected: `at least ${Math.max(FEWEST, lags + 10)} for ${lags} lags`,
    })
  const times = time === undefined ? undefined : cellsOf(table, time)
  const rows: Row[] = []
  for (let i = lags; i < values.length; i++)
    rows.push({ ...lagRow(values, i, lags, times?.[i]), value: change(values, i) })
  const plan: SeriesPlan = { target: task.target, ...(time !== undefined && { time }), lags }
  const shared = { target: 'value', task: 'regression', time: 'order' } as const
  const result = await fitWith({ ...rest, ...shared, data: rows }, plan)
  const forecast = (count: number) =>
    forecastFrom(values, times, plan, count, async (row) => {
      const [predicted] = await result.predict([row])
      return predicted && 'value' in predicted ? predicted.value : Number.NaN
    })
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
    ...(result.latency && { latency: result.latency }),
    comparison: [
      {
        metric: 'rmse',
        baseline: { name: 'the last value again', value: naive },
        found: { name: `${task.target}, one step ahead`, value: result.metrics.rmse! },
      },
    ],
    forecast: async (count) => (await forecast(count)).map(({ value }) => value),
    forecastWithTimes: forecast,
    export: (folder) => result.export(folder),
    [Symbol.dispose]: () => result[Symbol.dispose](),
  }
}

const rootMeanSquare = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, each) => sum + each * each, 0) / values.length)
