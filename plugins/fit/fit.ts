import { existsSync, statSync } from 'node:fs'
import { type Clock, realClock } from '../../core/clock.ts'
import type { NetworkCost, StudyOptions } from '../../core/index.ts'
import {
  among,
  callback,
  either,
  flag,
  group,
  isObject,
  list,
  number,
  optionsFor,
  required,
  text,
  value,
  whole,
} from '../../core/options/index.ts'
import type { ImageDataset } from '../../evaluators/data/index.ts'
import { classify } from '../../evaluators/metrics/index.ts'
import {
  outputNames,
  prepareRows,
  type Row,
  readTable,
  recordsOf,
  type Table,
  type TableTask,
  tableOfRows,
  truthOfRows,
} from '../../evaluators/tables/index.ts'
import { allowance, type Budget } from './allowance.ts'
import { error } from './errors.ts'
import type { FitEvent, Limits, TrialRecord } from './events.ts'
import { exportImageModel, exportTableModel } from './export.ts'
import { measuredAt, predictLabels } from './images/labels.ts'
import { normaliseImage, resizeImage } from './images/prepare.ts'
import {
  decodeImage,
  type FitImages,
  filesOfFolder,
  filesOfTable,
  type LabelledFile,
  type LabelTask,
  type ListedFiles,
  labelsOfTable,
  readImages,
  readLabelledImages,
} from './images/read.ts'
import { type FoundImageClassifier, type FoundLabels, searchImages } from './images/search.ts'
import type { SeriesPlan } from './lags.ts'
import { type FinalLatency, type LatencyMeter, latencyWarning } from './latency.ts'
import { prepareTable, type TableTaskOptions } from './tables/examples.ts'
import { lossName, measured } from './tables/measure.ts'
import { checkColumns, rowsToPredict } from './tables/rows.ts'
import { searchTable } from './tables/search.ts'

export interface FitOptions extends TableTaskOptions {
  /** A file or folder, rows in memory, or a data set of images. */
  readonly data: string | readonly Row[] | ImageDataset
  /** Time for everything; default 5. */
  readonly minutes?: number
  /** Instead of `minutes`: training steps in all (images) or of a network (tables), so that a run repeats exactly. */
  readonly budget?: Budget
  readonly limits?: Limits
  /** Measures one prediction of a model file where `limits` has a latency. Default: ONNX Runtime on one thread. */
  readonly latencyMeter?: LatencyMeter
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
  /** A name or place where the trials are written down, as for createSearch. Default: nowhere. */
  readonly study?: string | StudyOptions
  /** 'random' draws trials by chance: what a search is compared with. Default 'search'. */
  readonly strategy?: 'search' | 'random'
}

export const declared = optionsFor<FitOptions>()('fit', {
  data: required(
    value<FitOptions['data']>('a path, rows that are objects, or a data set of images', {
      doc: 'A file or folder, rows in memory, or a data set of images.',
    }),
  ),
  target: either([text(), list(text(), { min: 1 })], {
    absent: 'the last column',
    doc: 'The column to predict, or several: labels where all of them hold 0 and 1, otherwise quantities.',
  }),
  task: among(['classification', 'regression', 'multi-label'], {
    absent: 'what the target looks like',
    doc: 'What is predicted: one class, quantities, or any number of labels.',
  }),
  group: text({ doc: 'A column whose equal values stay on one side of every split.' }),
  time: text({ doc: 'A column by which rows are ordered, so that validation rows are later than training rows.' }),
  seed: number({ absent: '1', doc: 'Seed of everything random.' }),
  minutes: number({ above: 0, absent: '5', doc: 'Wall minutes for everything.' }),
  budget: value<Budget>('{ minutes } or { steps }', {
    holds: isObject,
    doc: 'Instead of `minutes`: training steps in all (images) or of a network (tables), so that a run repeats exactly.',
  }),
  limits: group(
    {
      parameters: whole({ min: 1, doc: 'Most parameters.' }),
      multiplyAdds: whole({ min: 1, doc: 'Most multiply-adds per image.' }),
      bytes: whole({ min: 1, doc: 'Most bytes of the exported model.' }),
      maxLatencyMs: number({ above: 0, doc: 'Most milliseconds of one prediction.' }),
    },
    { optional: true, doc: 'What the model may cost.' },
  ),
  latencyMeter: callback<LatencyMeter>({
    absent: 'ONNX Runtime on one thread',
    doc: 'Measures one prediction of a model file, given as bytes and the shape of one input, in milliseconds; used where `limits` has `maxLatencyMs`.',
  }),
  trials: whole({ min: 1, absent: 'as many as the time allows', doc: 'Most trials.' }),
  flip: flag({ absent: 'true', doc: 'Whether a mirrored image keeps its class: false for digits and letters.' }),
  compress: flag({ absent: 'false', doc: 'Writes networks of images in 8-bit integers.' }),
  onEvent: callback<(event: FitEvent) => void>({ doc: 'Called with every event.' }),
  signal: value<AbortSignal>('an abort signal', {
    holds: isObject,
    doc: 'Ends the search early; the best model so far is kept.',
  }),
  clock: value<Clock>('a clock', { holds: isObject, doc: 'Tells the time.' }),
  strategy: among(['search', 'random'], {
    absent: 'search',
    doc: 'A search, or trials drawn at random to compare it with.',
  }),
  study: value<string | StudyOptions>('the name of a study, or where it is kept', {
    doc: 'A name or place where the trials are written down, as for `createSearch`.',
  }),
})

/** One prediction: a class or labels (those that reach their threshold, for tables 1/2) with all probabilities, a quantity, or several by name. */
export type Prediction =
  | { readonly label: string; readonly probability: number; readonly probabilities: Readonly<Record<string, number>> }
  | { readonly labels: readonly string[]; readonly probabilities: Readonly<Record<string, number>> }
  | { readonly value: number }
  | { readonly values: Readonly<Record<string, number>> }

/** A baseline and the model found, by the same measure on the same rows. */
export interface FitComparison {
  readonly metric: string
  readonly baseline: { readonly name: string; readonly value: number }
  readonly found: { readonly name: string; readonly value: number }
}

export interface FitResult extends Disposable {
  readonly kind: 'table' | 'images'
  readonly task: TableTask['kind']
  /** Names of classes or labels in the order of probabilities; empty for quantities. */
  readonly classes: readonly string[]
  /** Of labels of images: the probability from which each is said to apply. */
  readonly thresholds?: readonly number[]
  readonly trials: readonly TrialRecord[]
  /** On validation rows or images, which the parts measured had not seen. */
  readonly metrics: Readonly<Record<string, number>>
  readonly comparison: readonly FitComparison[]
  readonly warnings: readonly string[]
  readonly cost?: NetworkCost
  /** Of the exported file, where `limits` has a latency. */
  readonly latency?: FinalLatency
  /** Rows as objects, or paths of image files. */
  predict(inputs: readonly Row[] | readonly string[] | string): Promise<Prediction[]>
  /** The metrics of labelled rows, of a test split, or of a folder or table of labelled images: data that took no part. */
  evaluate(data: readonly Row[] | string | Pick<ImageDataset, 'test'>): Promise<Readonly<Record<string, number>>>
  /** Writes model.onnx, model.json, prepare.mjs, predict.mjs and predict-browser.mjs; returns their paths. */
  export(folder: string): Promise<readonly string[]>
}

/**
 * From data to a model: reads and checks the data, finds the task, searches among models for it within the budget and
 * the limits, and trains the best.
 * Errors: ARCHLOOM_FIT_DATA, ARCHLOOM_FIT_IMAGES, ARCHLOOM_FIT_CLASSES, ARCHLOOM_FIT_LIMITS,
 * ARCHLOOM_FIT_NOTHING_TRAINED, and those of tables: ARCHLOOM_TABLE_READ, ARCHLOOM_TABLE_EMPTY, ARCHLOOM_TABLE_RAGGED,
 * ARCHLOOM_TABLE_TARGET, ARCHLOOM_TABLE_TARGET_TYPE, ARCHLOOM_TABLE_TARGET_RANGE, ARCHLOOM_TABLE_CONSTANT,
 * ARCHLOOM_TABLE_TOO_SMALL, ARCHLOOM_TABLE_FEATURES.
 */
export const fit = (given: FitOptions): Promise<FitResult> => fitWith(given)

/** As `fit`; `series` is written beside the model of a table that is one step of a series. */
export async function fitWith(given: FitOptions, series?: SeriesPlan): Promise<FitResult> {
  const options = declared.read(given)
  const { data } = options
  if (typeof data === 'string') {
    if (!existsSync(data))
      throw error('ARCHLOOM_FIT_DATA', { received: data, expected: 'a file or folder that exists' })
    if (statSync(data).isDirectory()) {
      refuseForFolders(options)
      return await fitFiles({ kind: 'classes', files: await filesOfFolder(data) }, data, options)
    }
    const table = await readTable(data)
    const files = filesOfTable(table, data, options)
    return files ? await fitFiles(files, data, options) : await fitTable(table, options, series)
  }
  if (isRows(data)) return await fitTable(tableOfRows(data), options, series)
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

function refuseForFolders({ task }: FitOptions) {
  if (task === 'regression') throw error('ARCHLOOM_FIT_TASK', { option: 'task regression', task: 'tables' })
  if (task === 'multi-label')
    throw error('ARCHLOOM_FIT_TASK', { option: 'task multi-label', task: 'tables, and CSV files of paths and labels' })
}

async function fitFiles(files: ListedFiles, path: string, options: FitOptions) {
  const { seed = 1, onEvent } = options
  if (files.kind === 'labels') {
    for (const message of files.notes) onEvent?.({ type: 'note', message })
    const { data, warnings } = await readLabelledImages(files, path, seed)
    return await fitImages(data, warnings, options, files.task)
  }
  const { data, warnings } = await readImages(files.files, path, seed)
  return await fitImages(data, warnings, options)
}

const budgetOf = ({ budget, minutes = 5 }: FitOptions): Budget => budget ?? { minutes }

const allWarnings = (warnings: readonly string[], latency: FinalLatency | undefined): readonly string[] => {
  const late = latencyWarning(latency)
  return late ? [...warnings, late.message] : warnings
}

function warn(warnings: readonly string[], onEvent: FitOptions['onEvent']) {
  for (const message of warnings) onEvent?.({ type: 'warning', code: 'ARCHLOOM_FIT_DATA_WARNING', message })
}

async function fitImages(
  data: FitImages,
  warnings: readonly string[],
  options: FitOptions,
  task?: LabelTask,
): Promise<FitResult> {
  const { onEvent, limits, trials, flip, signal, strategy, compress = false, seed = 1, clock = realClock } = options
  onEvent?.({
    type: 'note',
    message: `${data.name}: ${data.train.size} images to train, ${data.validation.size} to check, ${data.train.classes} ${data.train.images.multiHot ? 'labels' : 'classes'}, ${data.train.inputShape.join('×')}`,
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
    ...(options.study !== undefined && { study: options.study }),
    ...(options.latencyMeter && { latencyMeter: options.latencyMeter }),
    signal,
  })
  const { latency } = found
  const [height, width, channels] = data.train.inputShape as [number, number, 1 | 3]
  const { mean, std } = data.train.normalisation
  const plan = { height, width, channels, mean, std }
  const classes = data.classNames ?? Array.from({ length: data.train.classes }, (_, k) => String(k))
  const { labels } = found
  const metrics = labels ? { ...labels.metrics } : { accuracy: found.validationAccuracy }
  const metric = labels ? 'meanAveragePrecision' : 'accuracy'
  const tf = await import('@tensorflow/tfjs-core')
  const probabilitiesOf = (inputs: Float32Array, n: number) =>
    tf.tidy(() => [
      ...(labels ? tf.sigmoid : tf.softmax)(
        found.network.apply(tf.tensor4d(inputs, [n, height, width, channels]), { training: false }),
      ).dataSync(),
    ])
  const ofFile = async (file: string) =>
    probabilitiesOf(normaliseImage(resizeImage(await decodeImage(file), plan), plan), 1)
  const best = found.trials.reduce((a, b) => (b.metrics[metric]! > a.metrics[metric]! ? b : a))
  // Each by its first measurement; a first trial that failed has none.
  const firstOf = (trial: number) => found.trials.find((each) => each.trial === trial)
  const [baseline, leading] = [firstOf(0), firstOf(best.trial)]
  return {
    kind: 'images',
    task: labels ? 'multi-label' : 'classification',
    classes,
    ...(labels && { thresholds: labels.thresholds }),
    trials: found.trials,
    metrics,
    warnings: allWarnings(warnings, latency),
    cost: found.cost,
    ...(latency && { latency }),
    comparison: [
      ...(labels ? labelComparison(labels) : []),
      ...(baseline && leading
        ? [
            {
              metric: `validation ${labels ? 'mean average precision' : 'accuracy'} after the same share of the time`,
              baseline: { name: baseline.name, value: baseline.metrics[metric]! },
              found: { name: best.name, value: leading.metrics[metric]! },
            },
          ]
        : []),
    ],
    async predict(inputs) {
      const files = typeof inputs === 'string' ? [inputs] : (inputs as readonly string[])
      const out: Prediction[] = []
      for (const file of files) {
        const values = await ofFile(file)
        out.push(labels ? withLabels(values, classes, labels.thresholds) : labelled(values, classes))
      }
      return out
    },
    async evaluate(given) {
      if (labels) return await measuredLabels(given, { found, labels, classes, task, ofFile })
      if (typeof given === 'object' && 'test' in given) {
        const { accuracy, loss } = await classify(found.network, given.test)
        return { accuracy, loss }
      }
      if (typeof given === 'string') return await measuredFiles(await labelledFiles(given, options), classes, ofFile)
      throw error('ARCHLOOM_FIT_DATA', {
        received: given,
        expected:
          'a data set with a test split of images, a folder with one sub-folder for each class, or a CSV of paths and labels',
      })
    },
    export: (folder) =>
      exportImageModel(folder, {
        network: found.network,
        plan,
        classes,
        metrics,
        ...(labels && { thresholds: labels.thresholds }),
        ...(latency && { latency }),
        ...(compress && { calibration: data.train }),
      }),
    [Symbol.dispose]: () => found[Symbol.dispose](),
  }
}

/** The files of a folder of classes, or of a table of paths and labels. */
async function labelledFiles(path: string, { target }: FitOptions): Promise<readonly LabelledFile[]> {
  if (!existsSync(path)) throw error('ARCHLOOM_FIT_DATA', { received: path, expected: 'a file or folder that exists' })
  if (statSync(path).isDirectory()) return await filesOfFolder(path)
  const files = filesOfTable(await readTable(path), path, {
    ...(target !== undefined && { target }),
    task: 'classification',
  })
  if (files?.kind !== 'classes')
    throw error('ARCHLOOM_FIT_DATA', { received: path, expected: 'a table with a column of image files' })
  return files.files
}

const labelComparison = ({ metrics, baseline }: FoundLabels): FitComparison[] =>
  (['meanAveragePrecision', 'microF1', 'macroF1', 'loss'] as const).map((metric) => ({
    metric,
    baseline: { name: 'the frequency of each label', value: baseline[metric] },
    found: { name: 'the model found', value: metrics[metric] },
  }))

interface LabelModel {
  readonly found: FoundImageClassifier
  readonly labels: FoundLabels
  readonly classes: readonly string[]
  readonly task: LabelTask | undefined
  readonly ofFile: (file: string) => Promise<readonly number[]>
}

/** Scores of labels at the thresholds of the model, on a test split or a CSV of paths and labels. */
async function measuredLabels(
  given: Parameters<FitResult['evaluate']>[0],
  { found, labels, classes, task, ofFile }: LabelModel,
): Promise<Record<string, number>> {
  if (typeof given === 'object' && 'test' in given)
    return { ...measuredAt(await predictLabels(found.network, given.test), labels.thresholds) }
  if (typeof given !== 'string' || !task)
    throw error('ARCHLOOM_FIT_DATA', {
      received: given,
      expected: task ? 'a CSV of paths and labels' : 'a data set with a test split of images with labels',
    })
  const { files, truth } = labelsOfTable(await readTable(given), given, task, classes)
  const probabilities = new Float64Array(truth.length)
  for (const [i, file] of files.entries()) probabilities.set(await ofFile(file), i * classes.length)
  return { ...measuredAt({ probabilities, truth }, labels.thresholds) }
}

/** Accuracy and log-loss on labelled files. Error: ARCHLOOM_FIT_CLASSES for a class that the model does not know. */
async function measuredFiles(
  files: readonly LabelledFile[],
  classes: readonly string[],
  probabilitiesOf: (file: string) => Promise<readonly number[]>,
): Promise<Record<string, number>> {
  const unknown = [...new Set(files.map(({ label }) => label))].filter((label) => !classes.includes(label))
  if (unknown.length > 0)
    throw error('ARCHLOOM_FIT_CLASSES', {
      path: 'the data to evaluate',
      received: unknown,
      expected: `no classes but those of the model: ${classes.join(', ')}`,
    })
  let [right, loss] = [0, 0]
  for (const { file, label } of files) {
    const probabilities = await probabilitiesOf(file)
    const own = classes.indexOf(label)
    if (probabilities.indexOf(Math.max(...probabilities)) === own) right++
    loss -= Math.log(Math.max(1e-12, probabilities[own]!))
  }
  return { accuracy: right / files.length, loss: loss / files.length }
}

function withLabels(
  probabilities: readonly number[],
  classes: readonly string[],
  thresholds: readonly number[],
): Prediction {
  return {
    labels: classes.filter((_, k) => probabilities[k]! >= thresholds[k]!),
    probabilities: Object.fromEntries(classes.map((name, k) => [name, probabilities[k]!])),
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

/** The outputs of a model for one row as a prediction. */
function predictionOf(task: TableTask, values: readonly number[]): Prediction {
  const names = outputNames(task)
  const all = Object.fromEntries(names.map((name, k) => [name, values[k]!]))
  if (task.kind === 'classification') return labelled(values, names)
  if (task.kind === 'multi-label') return { labels: names.filter((_, k) => values[k]! >= 0.5), probabilities: all }
  return task.kind === 'regression' ? { value: values[0]! } : { values: all }
}

async function fitTable(table: Table, options: FitOptions, series?: SeriesPlan): Promise<FitResult> {
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
    names: outputNames(task),
    ...('steps' in budget && { mostSteps: budget.steps }),
    ...(options.study !== undefined && { study: options.study }),
    ...(options.latencyMeter && { latencyMeter: options.latencyMeter }),
    signal,
  })
  const { latency } = found
  const { aim } = examples
  const { outputs } = aim
  const names = outputNames(task)
  const numbersOf = (rows: readonly Row[]) =>
    found.predictor.predict(prepareRows(preprocessing, rows), rows.length, examples.features)
  const loss = lossName(aim)
  const byLoss = found.trials.toSorted((a, b) => a.metrics[loss]! - b.metrics[loss]!)
  const all = { metric: loss, found: { name: 'the model found', value: found.metrics[loss]! } }
  return {
    kind: 'table',
    task: task.kind,
    classes: aim.kind === 'quantities' ? [] : names,
    trials: found.trials,
    metrics: found.metrics,
    warnings: allWarnings(warnings, latency),
    ...(latency && { latency }),
    // The best trial is compared with as well, and only once where it is itself a baseline.
    comparison: [
      ...new Set([
        ...found.trials.filter(({ name }) => name.startsWith('baseline') || name.startsWith('linear')),
        ...byLoss.slice(0, 1),
      ]),
    ].map(({ name, metrics }) => ({ ...all, baseline: { name, value: metrics[loss]! } })),
    async predict(inputs) {
      const rows = await rowsToPredict(inputs as readonly Row[] | string, preprocessing)
      const values = numbersOf(rows)
      return rows.map((_, i) => predictionOf(task, [...values.subarray(i * outputs, (i + 1) * outputs)]))
    },
    async evaluate(given) {
      if (typeof given === 'object' && 'test' in given)
        throw error('ARCHLOOM_FIT_DATA', {
          received: 'a data set of images',
          expected: 'rows or a file with the columns of the training table',
        })
      const rows = typeof given === 'string' ? recordsOf(await readTable(given)) : given
      checkColumns(rows, preprocessing)
      return measured(numbersOf(rows), truthOfRows(task, rows), aim, names)
    },
    export: (folder) =>
      exportTableModel(folder, {
        predictor: found.predictor,
        task,
        preprocessing,
        metrics: found.metrics,
        columns: prepared.columns,
        ...(latency && { latency }),
        ...(series && { series }),
      }),
    [Symbol.dispose]: () => found[Symbol.dispose](),
  }
}
