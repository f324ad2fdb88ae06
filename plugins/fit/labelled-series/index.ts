import { realClock } from '../../../core/clock.ts'
import { isObject, optionsFor, pickOptions, required, text, value } from '../../../core/options/index.ts'
import type { Row } from '../../../evaluators/tables/index.ts'
import { allowance } from '../allowance.ts'
import { error } from '../errors.ts'
import { exportSeriesModel } from '../export.ts'
import type { FitComparison, FitOptions, FitResult } from '../fit.ts'
import { latencyWarning } from '../latency.ts'
import { measured } from '../tables/measure.ts'
import { prepareSeries } from './prepare.ts'
import { type NamedSeries, readSeries, seriesAt, seriesWithLabels } from './read.ts'
import { searchSeries } from './search.ts'

export interface SeriesClassifierOptions {
  /** A folder with one sub-folder of tables for each class, or a table or rows with a row for each step of each series. */
  readonly data: string | readonly Row[]
  /** Of a table: the column of classes. Default: the last one. */
  readonly target?: string
  /** Of a table: the column that says which series a row belongs to. */
  readonly series?: string
  /** A column of dates or numbers by which the rows of a series are ordered. Default: the order of the rows. */
  readonly time?: string
  /** Options of `fit` that are passed on. */
  readonly fit?: Pick<
    FitOptions,
    | 'minutes'
    | 'budget'
    | 'limits'
    | 'trials'
    | 'seed'
    | 'onEvent'
    | 'signal'
    | 'clock'
    | 'study'
    | 'strategy'
    | 'latencyMeter'
  >
}

const declared = optionsFor<SeriesClassifierOptions>()('fitSeriesClassifier', {
  data: required(
    value<SeriesClassifierOptions['data']>('a path, or rows that are objects', {
      doc: 'A folder with one sub-folder of tables for each class, or a table or rows with a row for each step of each series.',
    }),
  ),
  target: text({ absent: 'the last column', doc: 'Of a table: the column of classes.' }),
  series: text({ doc: 'Of a table: the column that says which series a row belongs to.' }),
  time: text({
    absent: 'the order of the rows',
    doc: 'A column of dates or numbers by which the rows of a series are ordered.',
  }),
  fit: value<NonNullable<SeriesClassifierOptions['fit']>>('options of fit', {
    holds: isObject,
    doc: 'Options of `fit` that are passed on.',
  }),
})

/** The class of one series, with all probabilities. */
export interface SeriesPrediction {
  /** The value of the series column, or the path of the file. */
  readonly series: string
  readonly label: string
  readonly probability: number
  readonly probabilities: Readonly<Record<string, number>>
}

export interface FitSeriesClassifierResult extends Disposable {
  readonly classes: readonly string[]
  /** Accuracy and log-loss on a fifth of the series, which were not trained on. */
  readonly metrics: FitResult['metrics']
  /** The model beside the baselines, which read summaries of the series. */
  readonly comparison: readonly FitComparison[]
  readonly trials: FitResult['trials']
  readonly warnings: readonly string[]
  /** The model found, in one line. */
  readonly name: string
  readonly latency?: FitResult['latency']
  /** Rows, or tables by their paths → the class of each series. A table without the series column is one series. */
  predict(inputs: readonly Row[] | readonly string[] | string): Promise<SeriesPrediction[]>
  /** Accuracy and log-loss on labelled series that took no part, in the form that was trained on. */
  evaluate(data: readonly Row[] | string): Promise<Readonly<Record<string, number>>>
  /** Writes model.onnx, model.json, prepare.mjs, predict.mjs and predict-browser.mjs; returns their paths. */
  export(folder: string): Promise<readonly string[]>
}

/**
 * From labelled series to a model that tells their classes: reads and checks the series, searches among models of summaries and
 * convolutional networks over time within the budget and the limits, and compares the best with baselines on series that were
 * held out.
 * Errors: ARCHLOOM_FIT_DATA, ARCHLOOM_FIT_LABELLED_SERIES, ARCHLOOM_FIT_CLASSES, ARCHLOOM_FIT_TASK, ARCHLOOM_FIT_LIMITS,
 * ARCHLOOM_FIT_NOTHING_TRAINED, ARCHLOOM_TABLE_TARGET, those of readTable.
 */
export async function fitSeriesClassifier(given: SeriesClassifierOptions): Promise<FitSeriesClassifierResult> {
  const { data, fit = {}, ...columns } = declared.read(given)
  const { limits = {}, onEvent = () => {}, seed = 1, strategy = 'search', minutes = 5, clock = realClock } = fit
  const allowed = allowance(fit.budget ?? { minutes }, clock)
  const read = await readSeries({ data, seed, ...columns })
  const { plan, classes, train, validation } = read
  const parts = `${train.length} series to train, ${validation.length} to check`
  onEvent({
    type: 'note',
    message: `${read.name}: ${parts}, ${classes.length} classes, channels ${plan.channels.join(', ')}`,
  })
  for (const message of read.notes) onEvent({ type: 'note', message })
  for (const message of read.warnings) onEvent({ type: 'warning', code: 'ARCHLOOM_FIT_DATA_WARNING', message })
  const found = await searchSeries({
    data: read,
    allowance: allowed,
    seed,
    limits,
    onEvent,
    strategy,
    signal: fit.signal,
    ...pickOptions(fit, ['trials', 'study', 'latencyMeter']),
  })
  const { model, metrics, latency, name } = found
  const probabilitiesOf = (series: readonly NamedSeries[]) =>
    model.predict(series.map(({ values }) => prepareSeries(model.plan, values)))
  const baselines = found.trials.filter(
    (trial) => trial.name.startsWith('baseline') || trial.name.startsWith('boosted trees'),
  )
  const late = latencyWarning(latency)
  return {
    classes,
    metrics,
    name,
    trials: found.trials,
    warnings: late ? [...read.warnings, late.message] : read.warnings,
    ...(latency && { latency }),
    comparison: baselines.slice(0, 3).flatMap((trial) =>
      (['accuracy', 'loss'] as const).map((metric) => ({
        metric,
        baseline: { name: trial.name, value: trial.metrics[metric]! },
        found: { name, value: metrics[metric]! },
      })),
    ),
    async predict(inputs) {
      const series = await seriesAt(inputs, plan)
      const all = probabilitiesOf(series)
      return series.map((each, i) => {
        const own = [...all.subarray(i * classes.length, (i + 1) * classes.length)]
        const most = own.indexOf(Math.max(...own))
        return {
          series: each.name,
          label: classes[most]!,
          probability: own[most]!,
          probabilities: Object.fromEntries(classes.map((label, k) => [label, own[k]!])),
        }
      })
    },
    async evaluate(unseen) {
      const series = await seriesWithLabels(unseen, plan, columns)
      const unknown = [...new Set(series.map(({ label = '' }) => label))].filter((label) => !classes.includes(label))
      if (unknown.length > 0)
        throw error('ARCHLOOM_FIT_CLASSES', {
          path: 'the data to evaluate',
          received: unknown,
          expected: `no classes but those of the model: ${classes.join(', ')}`,
        })
      const truth = Float64Array.from(series, ({ label = '' }) => classes.indexOf(label))
      return measured(probabilitiesOf(series), truth, { kind: 'classes', outputs: classes.length })
    },
    async export(folder) {
      const description = { classes, preprocessing: model.plan, metrics, ...(latency && { latency }) }
      return await exportSeriesModel(folder, await model.encode(), description)
    },
    [Symbol.dispose]: () => found[Symbol.dispose](),
  }
}
