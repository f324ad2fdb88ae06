import { existsSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { isTable, type Row, readTable } from '../../evaluators/tables/index.ts'
import { error } from './errors.ts'
import type { FitEvent } from './events.ts'
import type { ModelDescription } from './export.ts'
import { type FitComparison, type FitOptions, type FitResult, fit } from './fit.ts'
import { imageExtensions, imagesOfTable } from './images/read.ts'
import { fitSeriesClassifier } from './labelled-series/index.ts'
import { inMilliseconds } from './latency.ts'
import { loadModel } from './model-folder.ts'
import { fitSeries } from './series.ts'
import { wholeRows } from './tables/rows.ts'
import { fitUpscaler } from './upscaling/index.ts'

/** Where a command speaks: the command line's own output. */
export interface CommandOutput {
  log(text: string): void
  note(text: string): void
  result(value: unknown): void
}

export interface FitCommandOptions extends Omit<FitOptions, 'data' | 'onEvent' | 'task'> {
  readonly out: string
  /**
   * 'forecast' reads the rows of a table as a series, 'series-classification' those of many series, and 'upscale' trains a
   * network that enlarges images.
   */
  readonly task?: FitOptions['task'] | 'forecast' | 'upscale' | 'series-classification'
  /** Of labelled series: the column that says which series a row belongs to. */
  readonly series?: string
  /** Of a series: how many values before it a value is forecast from. */
  readonly lags?: number
  /** Of a series: how many values to come are printed. Default 10. */
  readonly count?: number
  /** Of an upscaler: enlargement. */
  readonly scale?: 2 | 3 | 4
  readonly output: CommandOutput
}

/** Values to come that are printed. */
const MOST_PRINTED = 10

const figures = (metrics: Readonly<Record<string, number>>) =>
  Object.entries(metrics)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toPrecision(4)}`)
    .join('  ')

/** The time that is left of a limit from now on, as `  (3 min left)`; nothing without a limit. */
function countdown(minutes: number | undefined): () => string {
  const began = performance.now()
  return () => {
    if (minutes === undefined) return ''
    const seconds = Math.max(0, 60 * minutes - (performance.now() - began) / 1000)
    return `  (${seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`} left)`
  }
}

function say(event: FitEvent, output: CommandOutput, left: () => string) {
  if (event.type === 'note') output.log(event.message)
  else if (event.type === 'warning') output.note(`warning: ${event.message}`)
  else if (event.type === 'trial')
    output.log(
      `${event.seconds.toFixed(1).padStart(6)} s  trial ${event.trial}: ${figures(event.metrics)}  ${event.name}${left()}`,
    )
  else if (event.type === 'winner')
    output.log(`winner: trial ${event.trial}, ${event.name}; it is trained to the end${left()}`)
}

/** `archloom fit`: prints what it finds, writes the model's folder. Returns the exit code. */
export async function fitCommand(
  data: string,
  { out, output, task: wanted, lags, count = MOST_PRINTED, scale, series, ...options }: FitCommandOptions,
): Promise<number> {
  const left = countdown(options.minutes)
  const onEvent = (event: FitEvent) => say(event, output, left)
  if (wanted === 'series-classification')
    return await seriesCommand(data, { ...options, onEvent }, { out, output, series })
  if (series !== undefined)
    throw error('ARCHLOOM_FIT_TASK', { option: '--series', task: '--task series-classification' })
  if (wanted === 'forecast') return await forecastCommand(data, { ...options, onEvent }, { out, output, lags, count })
  if (wanted === 'upscale') return await upscaleCommand(data, { ...options, onEvent }, { out, output, scale })
  if (scale !== undefined) throw error('ARCHLOOM_FIT_TASK', { option: '--scale', task: '--task upscale' })
  if (lags !== undefined) throw error('ARCHLOOM_FIT_TASK', { option: '--lags', task: '--task forecast' })
  using result = await fit({ ...options, ...(wanted && { task: wanted }), data, onEvent })
  output.log('')
  output.log(`model      ${figures(result.metrics)}  (on rows or images that were not trained on)`)
  sayComparison(result.comparison, output)
  sayLatency(result.latency, output)
  const files = await result.export(out)
  output.log(`written    ${files.join(', ')}`)
  output.log(
    `use it     npx archloom predict ${out} ${result.kind === 'images' ? 'images  (a folder, an image, or a table with a column of files)' : 'new-rows.csv'}`,
  )
  if (options.signal?.aborted) output.log(`stopped early; for more, run the same command with more --minutes`)
  const { kind, task, classes, thresholds, metrics, comparison, warnings, latency } = result
  output.result({
    kind,
    task,
    classes,
    thresholds,
    metrics,
    comparison,
    warnings,
    latency,
    trials: result.trials.length,
    files,
  })
  return 0
}

function sayLatency(latency: FitResult['latency'], output: CommandOutput) {
  if (latency)
    output.log(
      `latency    ${inMilliseconds(latency.milliseconds)}, limit ${inMilliseconds(latency.limit)}  (${latency.conditions})`,
    )
}

function sayComparison(comparison: readonly FitComparison[], output: CommandOutput) {
  for (const { metric, baseline, found } of comparison)
    output.log(
      `${metric.padEnd(10)} ${found.value.toPrecision(4)} for ${found.name}, ${baseline.value.toPrecision(4)} for ${baseline.name}`,
    )
}

interface ForecastOutput {
  readonly out: string
  readonly output: CommandOutput
  readonly lags: number | undefined
  readonly count: number
}

/** A series has one target. */
function oneTarget(target: string | readonly string[]): string {
  const [first = '', ...others] = typeof target === 'string' ? [target] : target
  if (others.length > 0)
    throw error('ARCHLOOM_FIT_TASK', { option: 'more than one --target', task: 'classification or regression' })
  return first
}

async function seriesCommand(
  data: string,
  { target, time, group, flip: _flip, compress: _compress, ...rest }: Omit<FitOptions, 'data' | 'task'>,
  { out, output, series }: Pick<FitCommandOptions, 'out' | 'output'> & { readonly series: string | undefined },
): Promise<number> {
  if (group !== undefined) throw error('ARCHLOOM_FIT_TASK', { option: '--group', task: 'classification or regression' })
  using result = await fitSeriesClassifier({
    data,
    ...(target !== undefined && { target: oneTarget(target) }),
    ...(time !== undefined && { time }),
    ...(series !== undefined && { series }),
    fit: rest,
  })
  output.log('')
  output.log(`model      ${figures(result.metrics)}  (on series that were not trained on)`)
  output.log(`           ${result.name}`)
  sayComparison(result.comparison, output)
  sayLatency(result.latency, output)
  const files = await result.export(out)
  output.log(`written    ${files.join(', ')}`)
  output.log(`use it     npx archloom predict ${out} new-series.csv`)
  if (rest.signal?.aborted) output.log(`stopped early; for more, run the same command with more --minutes`)
  const { classes, metrics, comparison, warnings, latency, name } = result
  const made = { kind: 'series', task: 'series-classification', classes, metrics, comparison, warnings, latency, name }
  output.result({ ...made, trials: result.trials.length, files })
  return 0
}

async function forecastCommand(
  data: string,
  { target, time, group, ...rest }: Omit<FitOptions, 'data' | 'task'>,
  { out, output, lags, count }: ForecastOutput,
): Promise<number> {
  if (group !== undefined) throw error('ARCHLOOM_FIT_TASK', { option: '--group', task: 'classification or regression' })
  using result = await fitSeries({
    data,
    ...(target !== undefined && { target: oneTarget(target) }),
    ...(time !== undefined && { time }),
    ...(lags !== undefined && { lags }),
    fit: rest,
  })
  output.log('')
  output.log(`model      ${figures(result.metrics)}  (one step ahead, on the latest fifth; ${result.lags} lags)`)
  sayComparison(result.comparison, output)
  sayLatency(result.latency, output)
  const next = await result.forecastWithTimes(count)
  output.log(`next       ${next.map(({ value }) => value.toPrecision(5)).join('  ')}`)
  const files = await result.export(out)
  output.log(`written    ${files.join(', ')}`)
  output.log(`use it     npx archloom predict ${out} longer-series.csv --count ${count}`)
  const { lags: used, metrics, comparison, warnings, latency } = result
  const made = { kind: 'table', task: 'forecast', lags: used, metrics, comparison, warnings, latency, next }
  output.result({ ...made, trials: result.trials.length, files })
  return 0
}

async function upscaleCommand(
  data: string,
  { target, time, group, flip: _flip, compress: _compress, ...rest }: Omit<FitOptions, 'data' | 'task'>,
  {
    out,
    output,
    scale,
  }: { readonly out: string; readonly output: CommandOutput; readonly scale: 2 | 3 | 4 | undefined },
): Promise<number> {
  for (const [option, given] of Object.entries({ '--target': target, '--time': time, '--group': group }))
    if (given !== undefined) throw error('ARCHLOOM_FIT_TASK', { option, task: 'tables' })
  using result = await fitUpscaler({ data, ...(scale !== undefined && { scale }), fit: rest })
  output.log('')
  output.log(`model      ${figures(result.metrics)}  (on images that were not trained on)`)
  sayComparison(result.comparison, output)
  const files = await result.export(out)
  output.log(`written    ${files.join(', ')}`)
  output.log(`use it     npx archloom upscale --model ${out} small.png large.png`)
  if (rest.signal?.aborted) output.log(`stopped early; for more, run the same command with more --minutes`)
  const { metrics, comparison, warnings } = result
  const made = { kind: 'upscaler', task: 'upscale', scale: result.scale, metrics, comparison, warnings }
  output.result({ ...made, trials: result.trials.length, files })
  return 0
}

type TableDescription = Extract<ModelDescription, { kind: 'table' }>

const quoted = (value: string | number) => {
  const text = String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** `archloom predict`: predictions as CSV on stdout, or as one JSON object. Returns the exit code. */
export async function predictCommand(
  folder: string,
  data: string,
  output: CommandOutput,
  count = MOST_PRINTED,
): Promise<number> {
  await using model = await loadModel(folder)
  if (model.description.kind === 'table' && model.description.series) {
    const next = await model.forecast(data, count)
    const times = next.every(({ time }) => time !== undefined)
    output.log(times ? 'time,predicted' : 'predicted')
    for (const { time, value } of next) output.log(times ? `${time},${value}` : String(value))
    output.result({ predictions: next })
    return 0
  }
  const files =
    model.description.kind === 'images'
      ? await imagesAt(data)
      : model.description.kind === 'labelled-series'
        ? await tablesAt(data)
        : await rowsAt(data, model.description, output)
  const predictions = await model.predict(files)
  const names = Object.keys(predictions[0] ?? { predicted: '' })
  output.log(
    [names.map(quoted).join(','), ...predictions.map((row) => names.map((name) => quoted(row[name]!)).join(','))].join(
      '\n',
    ),
  )
  output.result({ predictions })
  return 0
}

/** The rows of a file. Columns that it lacks count as missing: a misspelt name would not be noticed otherwise. */
async function rowsAt(path: string, { columns }: TableDescription, output: CommandOutput): Promise<Row[]> {
  const table = await readTable(path)
  const present = new Set(table.columns.map(({ name }) => name))
  const needed = columns.flatMap(({ name, used }) => (used ? [name] : []))
  const lacking = needed.filter((name) => !present.has(name))
  if (lacking.length === needed.length)
    throw error('ARCHLOOM_FIT_DATA', {
      received: `${path} with the columns ${[...present].join(', ')}`,
      expected: `the columns ${needed.join(', ')}, which the model was trained on`,
    })
  if (lacking.length > 0)
    output.note(
      `warning: ${path} lacks ${lacking.length} of the ${needed.length} columns of the model, which count as missing: ${lacking.slice(0, 5).join(', ')}`,
    )
  return await wholeRows(path)
}

/** A file, or those of a folder and the folders in it whose names are meant. */
async function filesAt(path: string, isMeant: (name: string) => boolean): Promise<string[]> {
  if (!existsSync(path)) throw error('ARCHLOOM_FIT_DATA', { received: path, expected: 'a file or folder that exists' })
  if (!statSync(path).isDirectory()) return [path]
  return (await readdir(path, { recursive: true }))
    .filter(isMeant)
    .sort()
    .map((name) => join(path, name))
}

async function imagesAt(path: string): Promise<string[]> {
  if (isTable(path)) return imagesOfTable(await readTable(path), path)
  const files = await filesAt(path, (name) => imageExtensions.has(extname(name).toLowerCase()))
  if (files.length === 0)
    throw error('ARCHLOOM_FIT_IMAGES', { path, received: 'no images', expected: 'images to predict' })
  return files
}

async function tablesAt(path: string): Promise<string[]> {
  const files = await filesAt(path, isTable)
  if (files.length === 0)
    throw error('ARCHLOOM_FIT_LABELLED_SERIES', {
      path,
      received: 'no tables',
      expected: 'tables of series to predict',
    })
  return files
}
