import { existsSync, statSync } from 'node:fs'
import { type Clock, realClock } from '../../core/clock.ts'
import type { NetworkCost, StudyOptions } from '../../core/index.ts'
import {
  among,
  callback,
  flag,
  group,
  isObject,
  number,
  optionsFor,
  required,
  text,
  value,
  whole,
} from '../../core/options/index.ts'
import type { ImageDataset } from '../../evaluators/data/index.ts'
import { classify } from '../../evaluators/metrics/index.ts'
import { prepareRows, type Row, readTable, recordsOf, type Table, tableOfRows } from '../../evaluators/tables/index.ts'
import { allowance, type Budget } from './allowance.ts'
import { error } from './errors.ts'
import type { FitEvent, Limits, TrialRecord } from './events.ts'
import { exportImageModel, exportTableModel } from './export.ts'
import { normaliseImage, resizeImage } from './images/prepare.ts'
import { decodeImage, filesOfFolder, filesOfTable, readImages } from './images/read.ts'
import { searchImages } from './images/search.ts'
import { prepareTable, type TableTaskOptions } from './tables/examples.ts'
import { measured, searchTable } from './tables/search.ts'

export interface FitOptions extends TableTaskOptions {
  /** A file or folder, rows in memory, or a data set of images. */
  readonly data: string | readonly Row[] | ImageDataset
  /** Time for everything; default 5. */
  readonly minutes?: number
  /** Instead of `minutes`: training steps in all (images) or of a network (tables), so that a run repeats exactly. */
  readonly budget?: Budget
  readonly limits?: Limits
  /** Trials at most; default: as many as fit the time. */
  readonly trials?: number
  /** Write networks of images in 8-bit integers: a quarter of the bytes, and larger networks within `limits.bytes`. */
  readonly compress?: boolean
  /** Whether a mirrored image keeps its class: false for digits and letters. Default true. */
  readonly flip?: boolean
  readonly onEvent?: (event: FitEvent) => void
  /** Ends the search early; the best model so far is kept. */
  readonly signal?: AbortSignal
  readonly clock?: Clock
  /** A name or place where the trials of a table are written down, as for createSearch. Default: nowhere. */
  readonly study?: string | StudyOptions
  /** 'random' draws trials by chance: what a search is compared with. Default 'search'. */
  readonly strategy?: 'search' | 'random'
}

const declared = optionsFor<FitOptions>()('fit', {
  data: required(value<FitOptions['data']>('a path, rows that are objects, or a data set of images')),
  target: text(),
  task: among(['classification', 'regression']),
  group: text(),
  time: text(),
  seed: number(),
  minutes: number({ above: 0 }),
  budget: value<Budget>('{ minutes } or { steps }', { holds: isObject }),
  limits: group(
    { parameters: whole({ min: 1 }), multiplyAdds: whole({ min: 1 }), bytes: whole({ min: 1 }) },
    { optional: true },
  ),
  trials: whole({ min: 1 }),
  flip: flag(),
  compress: flag(),
  onEvent: callback<(event: FitEvent) => void>(),
  signal: value<AbortSignal>('an abort signal', { holds: isObject }),
  clock: value<Clock>('a clock', { holds: isObject }),
  strategy: among(['search', 'random']),
  study: value<string | StudyOptions>('the name of a study, or where it is kept'),
})

/** One prediction: a class with its probabilities, or a quantity. */
export type Prediction =
  | { readonly label: string; readonly probability: number; readonly probabilities: Readonly<Record<string, number>> }
  | { readonly value: number }

/** A baseline and the model found, by the same measure on the same rows. */
export interface FitComparison {
  readonly metric: string
  readonly baseline: { readonly name: string; readonly value: number }
  readonly found: { readonly name: string; readonly value: number }
}

export interface FitResult extends Disposable {
  readonly kind: 'table' | 'images'
  readonly task: 'classification' | 'regression'
  /** Names of classes in the order of probabilities; empty for quantities. */
  readonly classes: readonly string[]
  readonly trials: readonly TrialRecord[]
  /** On validation rows or images, which the parts measured had not seen. */
  readonly metrics: Readonly<Record<string, number>>
  readonly comparison: readonly FitComparison[]
  readonly warnings: readonly string[]
  readonly cost?: NetworkCost
  /** Rows as objects, or paths of image files. */
  predict(inputs: readonly Row[] | readonly string[] | string): Promise<Prediction[]>
  /** The metrics of labelled rows, or of a test split of images: data that took no part. */
  evaluate(data: readonly Row[] | string | Pick<ImageDataset, 'test'>): Promise<Readonly<Record<string, number>>>
  /** Writes model.onnx, model.json, prepare.mjs, predict.mjs and predict-browser.mjs; returns their paths. */
  export(folder: string): Promise<readonly string[]>
}

/**
 * From data to a model: reads and checks the data, finds the task, searches among models for it within the budget and
 * the limits, and trains the best.
 * Errors: ARCHLOOM_FIT_DATA, ARCHLOOM_FIT_IMAGES, ARCHLOOM_FIT_CLASSES, ARCHLOOM_FIT_LIMITS,
 * ARCHLOOM_FIT_NOTHING_TRAINED, and those of tables: ARCHLOOM_TABLE_READ, ARCHLOOM_TABLE_EMPTY, ARCHLOOM_TABLE_RAGGED,
 * ARCHLOOM_TABLE_TARGET, ARCHLOOM_TABLE_CONSTANT, ARCHLOOM_TABLE_TOO_SMALL, ARCHLOOM_TABLE_FEATURES.
 */
export async function fit(given: FitOptions): Promise<FitResult> {
  const options = declared.read(given)
  const { data } = options
  if (typeof data === 'string') {
    if (!existsSync(data))
      throw error('ARCHLOOM_FIT_DATA', { received: data, expected: 'a file or folder that exists' })
    if (statSync(data).isDirectory()) return await fitFiles(await filesOfFolder(data), data, options)
    const table = await readTable(data)
    const files = filesOfTable(table, data, options.target)
    return files ? await fitFiles(files, data, options) : await fitTable(table, options)
  }
  if (isRows(data)) return await fitTable(tableOfRows(data), options)
  if (isImages(data)) return await fitImages(data, [], options)
  throw error('ARCHLOOM_FIT_DATA', {
    received: data,
    expected: 'a path, rows that are objects, or a data set of images',
  })
}

const isRows = (data: unknown): data is readonly Row[] =>
  Array.isArray(data) &&
  data.length > 0 &&
  data.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row))
const isImages = (data: unknown): data is ImageDataset =>
  typeof data === 'object' && data !== null && 'train' in data && 'validation' in data

async function fitFiles(files: Parameters<typeof readImages>[0], path: string, options: FitOptions) {
  const { data, warnings } = await readImages(files, path, options.seed ?? 1)
  return await fitImages(data, warnings, options)
}

const budgetOf = ({ budget, minutes = 5 }: FitOptions): Budget => budget ?? { minutes }

function warn(warnings: readonly string[], onEvent: FitOptions['onEvent']) {
  for (const message of warnings) onEvent?.({ type: 'warning', code: 'ARCHLOOM_FIT_DATA_WARNING', message })
}

async function fitImages(data: ImageDataset, warnings: readonly string[], options: FitOptions): Promise<FitResult> {
  const { onEvent, limits, trials, flip, signal, strategy, compress = false, seed = 1, clock = realClock } = options
  onEvent?.({
    type: 'note',
    message: `${data.name}: ${data.train.size} images to train, ${data.validation.size} to check, ${data.train.classes} classes, ${data.train.inputShape.join('×')}`,
  })
  warn(warnings, onEvent)
  const found = await searchImages({
    data,
    allowance: allowance(budgetOf(options), clock),
    seed,
    limits: { ...limits, integers: compress },
    ...(trials !== undefined && { trials }),
    ...(flip !== undefined && { flip }),
    ...(onEvent && { onEvent }),
    ...(strategy && { strategy }),
    signal,
  })
  const [height, width, channels] = data.train.inputShape as [number, number, 1 | 3]
  const { mean, std } = data.train.normalisation
  const plan = { height, width, channels, mean, std }
  const classes = data.classNames ?? Array.from({ length: data.train.classes }, (_, k) => String(k))
  const firstOf = (trial: number) => found.trials.filter((each) => each.trial === trial).at(-1)!
  const metrics = { accuracy: found.validationAccuracy }
  const tf = await import('@tensorflow/tfjs-core')
  const probabilitiesOf = (inputs: Float32Array, n: number) =>
    tf.tidy(() => [
      ...tf
        .softmax(found.network.apply(tf.tensor4d(inputs, [n, height, width, channels]), { training: false }))
        .dataSync(),
    ])
  const best = found.trials.reduce((a, b) => (b.metrics.accuracy! > a.metrics.accuracy! ? b : a))
  return {
    kind: 'images',
    task: 'classification',
    classes,
    trials: found.trials,
    metrics,
    warnings,
    cost: found.cost,
    comparison: [
      {
        metric: 'validation accuracy after the same share of the time',
        baseline: { name: firstOf(0).name, value: found.trials.find((each) => each.trial === 0)!.metrics.accuracy! },
        found: { name: best.name, value: found.trials.find((each) => each.trial === best.trial)!.metrics.accuracy! },
      },
    ],
    async predict(inputs) {
      const files = typeof inputs === 'string' ? [inputs] : (inputs as readonly string[])
      const out: Prediction[] = []
      for (const file of files) {
        const values = normaliseImage(resizeImage(await decodeImage(file), plan), plan)
        out.push(labelled(probabilitiesOf(values, 1), classes))
      }
      return out
    },
    async evaluate(given) {
      if (typeof given === 'object' && 'test' in given) {
        const { accuracy, loss } = await classify(found.network, given.test)
        return { accuracy, loss }
      }
      throw error('ARCHLOOM_FIT_DATA', { received: given, expected: 'a data set with a test split of images' })
    },
    export: (folder) =>
      exportImageModel(folder, {
        network: found.network,
        plan,
        classes,
        metrics,
        ...(compress && { calibration: data.train }),
      }),
    [Symbol.dispose]: () => found[Symbol.dispose](),
  }
}

function labelled(probabilities: readonly number[], classes: readonly string[]): Prediction {
  const most = probabilities.indexOf(Math.max(...probabilities))
  return {
    label: classes[most]!,
    probability: probabilities[most]!,
    probabilities: Object.fromEntries(classes.map((name, k) => [name, probabilities[k]!])),
  }
}

async function fitTable(table: Table, options: FitOptions): Promise<FitResult> {
  const { onEvent, limits, trials, signal, strategy, seed = 1, clock = realClock } = options
  const allowed = allowance(budgetOf(options), clock)
  const prepared = prepareTable(table, options)
  const { task, preprocessing, examples, notes, warnings } = prepared
  onEvent?.({
    type: 'note',
    message: `${table.name}: ${examples.rows} rows, ${prepared.columns.length} columns, ${examples.features} features`,
  })
  for (const message of notes) onEvent?.({ type: 'note', message })
  warn(warnings, onEvent)
  const budget = budgetOf(options)
  const found = await searchTable({
    examples,
    allowance: allowed,
    seed,
    ...(limits && { limits }),
    ...(trials !== undefined && { trials }),
    ...(onEvent && { onEvent }),
    ...(strategy && { strategy }),
    ...('steps' in budget && { mostSteps: budget.steps }),
    ...(options.study !== undefined && { study: options.study }),
    signal,
  })
  const classes = task.kind === 'classification' ? task.classes : []
  const outputs = Math.max(1, classes.length)
  const numbersOf = (rows: readonly Row[]) =>
    found.predictor.predict(prepareRows(preprocessing, rows), rows.length, examples.features)
  const loss = task.kind === 'classification' ? 'loss' : 'rmse'
  const byLoss = found.trials.toSorted((a, b) => a.metrics[loss]! - b.metrics[loss]!)
  const all = { metric: loss, found: { name: 'the model found', value: found.metrics[loss]! } }
  return {
    kind: 'table',
    task: task.kind,
    classes,
    trials: found.trials,
    metrics: found.metrics,
    warnings,
    comparison: [
      ...found.trials.filter(({ name }) => name.startsWith('baseline') || name.startsWith('linear')),
      ...byLoss.slice(0, 1),
    ].map(({ name, metrics }) => ({ ...all, baseline: { name, value: metrics[loss]! } })),
    async predict(inputs) {
      const rows = typeof inputs === 'string' ? recordsOf(await readTable(inputs)) : (inputs as readonly Row[])
      const values = numbersOf(rows)
      return rows.map((_, i) =>
        task.kind === 'classification'
          ? labelled([...values.subarray(i * outputs, (i + 1) * outputs)], classes)
          : { value: values[i]! },
      )
    },
    async evaluate(given) {
      if (typeof given === 'object' && 'test' in given)
        throw error('ARCHLOOM_FIT_DATA', {
          received: 'a data set of images',
          expected: 'rows or a file with the columns of the training table',
        })
      const rows = typeof given === 'string' ? recordsOf(await readTable(given)) : given
      const truth = Float64Array.from(rows, (row) =>
        task.kind === 'classification' ? classes.indexOf(String(row[task.target])) : Number(row[task.target]),
      )
      return measured(numbersOf(rows), truth, outputs, task.kind === 'classification')
    },
    export: (folder) =>
      exportTableModel(folder, {
        predictor: found.predictor,
        task,
        preprocessing,
        metrics: found.metrics,
        columns: prepared.columns,
      }),
    [Symbol.dispose]: () => found[Symbol.dispose](),
  }
}
