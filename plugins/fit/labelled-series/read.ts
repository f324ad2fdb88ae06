import { existsSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { messageOf } from '../../../core/errors.ts'
import { seeded } from '../../../core/random.ts'
import { stratifiedChoice } from '../../../evaluators/data/index.ts'
import {
  type Cell,
  type Column,
  isTable,
  noColumn,
  numberOf,
  type Row,
  readTable,
  rowsOf,
  type Table,
  tableOfRows,
  typeOf,
} from '../../../evaluators/tables/index.ts'
import { error } from '../errors.ts'
import { sortedBy } from '../lags.ts'
import { type LabelledSeriesPlan, planSeries, type SeriesValues } from './prepare.ts'

/** One series and the name of its class. */
export interface NamedSeries {
  readonly name: string
  /** Undefined where nothing says it. */
  readonly label: string | undefined
  /** [channels][steps] */
  readonly values: SeriesValues
}

/** The columns that a table of series is read by. */
export interface SeriesColumns {
  /** The column that says which series a row belongs to. Without it all rows are one series. */
  readonly series?: string
  readonly time?: string
  /** The column of classes. */
  readonly target?: string
  /** The channels. Default: all columns of numbers beside the others. */
  readonly channels?: readonly string[]
}

interface SeriesOfTable {
  readonly channels: readonly string[]
  readonly series: readonly NamedSeries[]
}

/** A column is a channel if no more than this share of its cells holds other texts, which count as missing. */
const STRAYS = 0.02

/** The numbers of a column; undefined where it holds something else. */
function numbersIn(column: Column, delimiter: string | undefined): number[] | undefined {
  const { type } = typeOf(column, delimiter, true)
  const rule = type.kind === 'number' ? type : {}
  const values = column.cells.map((cell) => numberOf(cell, rule))
  const present = column.cells.filter((cell) => cell !== null).length
  const strays = column.cells.filter((cell, i) => cell !== null && Number.isNaN(values[i]!)).length
  return present === 0 || strays > STRAYS * present ? undefined : values
}

/**
 * The series of a table: rows that share a value of the series column, in the order of time. Rows of one series that have the
 * same time are averaged. Errors: ARCHLOOM_TABLE_TARGET for a column that is missing; ARCHLOOM_FIT_LABELLED_SERIES for a series
 * with two classes, and for a table without channels.
 */
export function seriesOfTable(table: Table, columns: SeriesColumns, warnings: string[]): SeriesOfTable {
  const names = table.columns.map(({ name }) => name)
  const columnOf = (name: string, purpose: string): Column => {
    const column = table.columns.find((each) => each.name === name)
    if (!column) throw noColumn(name, purpose, names)
    return column
  }
  const { series, time, target } = columns
  if (series !== undefined) columnOf(series, 'tell series apart by')
  if (target !== undefined) columnOf(target, 'predict')
  const timed =
    time === undefined
      ? table
      : rowsOf(
          table,
          columnOf(time, 'order rows by').cells.flatMap((cell, i) => (cell === null ? [] : [i])),
        )
  if (timed.rows < table.rows)
    warnings.push(`${table.rows - timed.rows} of ${table.rows} rows have no ${time} and are left out`)
  const ordered = sortedBy(timed, time)
  const cellsOf = (name: string | undefined): readonly Cell[] | undefined =>
    name === undefined ? undefined : ordered.columns.find((each) => each.name === name)!.cells
  const others = ordered.columns.filter(({ name }) => ![series, time, target].includes(name))
  const wanted = columns.channels?.map((name) => {
    columnOf(name, 'read as a channel')
    return ordered.columns.find((each) => each.name === name)!
  })
  const read = (wanted ?? others).map((column) => ({ column, values: numbersIn(column, table.delimiter) }))
  const used = read.flatMap(({ column, values }) => (values ? [{ name: column.name, values }] : []))
  const unused = read.flatMap(({ column, values }) => (values ? [] : [column.name]))
  if (used.length === 0 || (wanted && unused.length > 0))
    throw error('ARCHLOOM_FIT_LABELLED_SERIES', {
      path: table.name,
      received: wanted ? `no numbers in the columns ${unused.join(', ')}` : `the columns ${names.join(', ')}`,
      expected: 'channels: columns of numbers beside those of series, time and class',
    })
  if (unused.length > 0) warnings.push(`columns that hold no numbers are left out: ${unused.join(', ')}`)

  const ids = cellsOf(series)
  const placesOf = new Map<string, number[]>()
  let nameless = 0
  for (let i = 0; i < ordered.rows; i++) {
    const id = ids ? ids[i]! : ''
    if (id === null) {
      nameless++
      continue
    }
    const rows = placesOf.get(String(id))
    if (rows) rows.push(i)
    else placesOf.set(String(id), [i])
  }
  if (nameless > 0) warnings.push(`${nameless} of ${ordered.rows} rows have no ${series} and are left out`)
  const [times, labels] = [cellsOf(time), cellsOf(target)]
  const repeated: string[] = []
  const found = [...placesOf].map(([name, rows]): NamedSeries => {
    const own = new Set(rows.flatMap((i) => (labels && labels[i] !== null ? [String(labels[i])] : [])))
    if (own.size > 1)
      throw error('ARCHLOOM_FIT_LABELLED_SERIES', {
        path: table.name,
        received: `the classes ${[...own].slice(0, 3).join(' and ')} in the rows of series ${name}`,
        expected: 'one class for each series',
      })
    // Rows are in the order of time, so that rows of the same time are neighbours.
    const steps: number[][] = []
    for (const [place, i] of rows.entries())
      if (times && place > 0 && times[rows[place - 1]!] === times[i]) steps.at(-1)!.push(i)
      else steps.push([i])
    if (steps.length < rows.length) repeated.push(name)
    const values = used.map((channel) => steps.map((step) => meanOf(step.map((i) => channel.values[i]!))))
    return { name, label: [...own][0], values }
  })
  if (repeated.length > 0)
    warnings.push(
      `${repeated.length} series have several rows of the same ${time}, which are averaged: ${repeated.slice(0, 3).join(', ')}. Does ${series ?? 'the file'} hold several series under one name?`,
    )
  return { channels: used.map(({ name }) => name), series: found }
}

/** The mean of the numbers that are known; NaN where none is. */
function meanOf(values: readonly number[]): number {
  if (values.length === 1) return values[0]!
  const known = values.filter((value) => !Number.isNaN(value))
  return known.reduce((sum, value) => sum + value, 0) / known.length
}

/** Tables in one sub-folder for each class, one series in each. Errors: ARCHLOOM_FIT_LABELLED_SERIES. */
async function seriesOfFolder(folder: string, columns: SeriesColumns, warnings: string[]): Promise<SeriesOfTable> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'))
  const classes = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()

  const found: NamedSeries[] = []
  const broken: string[] = []
  let channels = columns.channels
  let files = 0
  for (const label of classes)
    for (const name of (await readdir(join(folder, label))).filter(isTable).sort()) {
      const file = join(folder, label, name)
      files++
      try {
        const own: string[] = []
        const read = seriesOfTable(await readTable(file), { ...columns, ...(channels && { channels }) }, own)
        if (read.series.length > 1) throw new Error('it holds several series')
        channels ??= read.channels
        found.push({ name: join(label, name), label, values: read.series[0]!.values })
        warnings.push(...own.map((warning) => `${file}: ${warning}`))
      } catch (cause) {
        broken.push(`${file} (${messageOf(cause)})`)
      }
    }
  if (files === 0)
    throw error('ARCHLOOM_FIT_LABELLED_SERIES', {
      path: folder,
      received: entries.length === 0 ? 'nothing' : 'no tables in sub-folders',
      expected: 'one sub-folder for each class, with a table for each series in it',
    })
  if (broken.length === files)
    throw error('ARCHLOOM_FIT_LABELLED_SERIES', {
      path: folder,
      received: `${files} tables that cannot be read: ${broken[0]}`,
      expected: 'tables with a row for each step and the same columns of numbers',
    })
  if (broken.length > 0)
    warnings.push(
      `${broken.length} of ${files} series cannot be read and are left out: ${broken.slice(0, 3).join('; ')}`,
    )
  return { channels: channels ?? [], series: found }
}

/** Series to train and to validate with. */
export interface LabelledSeries {
  readonly name: string
  readonly classes: readonly string[]
  readonly plan: LabelledSeriesPlan
  readonly series: readonly NamedSeries[]
  /** [series], class indices. */
  readonly labels: Int32Array
  /** Places of the series on each side; no series is on both. */
  readonly train: Int32Array
  readonly validation: Int32Array
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
}

export interface ReadSeriesOptions extends Omit<SeriesColumns, 'channels'> {
  readonly data: string | readonly Row[]
  readonly seed: number
}

/** Fewest series of a class, and fewest steps of a series. */
const [FEWEST, FEWEST_STEPS] = [2, 2]

/**
 * Reads labelled series: a folder with one sub-folder for each class, or a table with a row for each step. Series without a
 * class or with a single step, and classes of one series are left out with a warning. A fifth of the series is held out, with
 * every class in its proportion.
 * Errors: ARCHLOOM_FIT_DATA, ARCHLOOM_FIT_LABELLED_SERIES, ARCHLOOM_FIT_CLASSES, ARCHLOOM_TABLE_TARGET, those of readTable.
 */
export async function readSeries({ data, seed, ...columns }: ReadSeriesOptions): Promise<LabelledSeries> {
  const warnings: string[] = []
  const { channels, series: read, name, target } = await readAll(data, columns, warnings)
  const nameless = read.filter(({ label }) => label === undefined)
  if (nameless.length > 0)
    warnings.push(`${nameless.length} of ${read.length} series have no ${target ?? 'class'} and are left out`)
  const stepsOf = ({ values }: NamedSeries) => values[0]?.length ?? 0
  const labelled = read.filter(({ label }) => label !== undefined)
  const short = labelled.filter((each) => stepsOf(each) < FEWEST_STEPS)
  if (short.length > 0)
    warnings.push(
      `${short.length} of ${read.length} series have fewer than ${FEWEST_STEPS} steps and are left out: ${short
        .slice(0, 3)
        .map((each) => each.name)
        .join(', ')}`,
    )
  const long = labelled.filter((each) => stepsOf(each) >= FEWEST_STEPS)
  const counts = new Map<string, number>()
  for (const { label = '' } of long) counts.set(label, (counts.get(label) ?? 0) + 1)
  const rare = [...counts].flatMap(([label, count]) => (count < FEWEST ? [label] : []))
  if (rare.length > 0)
    warnings.push(`classes with a single series are left out, because nothing could be checked: ${rare.join(', ')}`)
  const classes = [...counts.keys()].filter((label) => !rare.includes(label)).sort()
  if (classes.length < 2)
    throw error('ARCHLOOM_FIT_CLASSES', {
      path: name,
      received: [...counts].map(([label, count]) => `${label} (${count} series)`),
      expected: `at least two classes of two series each, with ${FEWEST_STEPS} steps or more`,
    })
  const series = long.filter(({ label = '' }) => classes.includes(label))
  const labels = Int32Array.from(series, ({ label = '' }) => classes.indexOf(label))
  const held = Math.min(Math.max(classes.length, Math.round(series.length / 5)), series.length - classes.length)
  const all = Int32Array.from(series, (_, i) => i)
  const parts = stratifiedChoice(labels, all, held, classes.length, seeded(seed).fork('validation'))
  const valuesOf = (places: Int32Array) => Array.from(places, (i) => series[i]!.values)
  const { series: id, time } = columns
  const plan = planSeries(channels, valuesOf(all), valuesOf(parts.rest), {
    ...(id !== undefined && { series: id }),
    ...(time !== undefined && { time }),
  })
  const missing = series.filter(({ values }) => values.some((channel) => channel.some(Number.isNaN))).length
  if (missing > 0) warnings.push(`${missing} of ${series.length} series lack values, which are interpolated in a line`)
  return {
    name,
    classes,
    plan,
    series,
    labels,
    train: parts.rest,
    validation: parts.chosen,
    notes: [
      `task: classification of series, ${classes.length} classes: ${classes.slice(0, 10).join(', ')}${classes.length > 10 ? ', …' : ''}`,
      lengthsOf(series.map(stepsOf), plan),
    ],
    warnings,
  }
}

/** What becomes of the lengths of series. */
function lengthsOf(lengths: readonly number[], { length, mask, stretch }: LabelledSeriesPlan): string {
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)]
  const said = shortest === longest ? `all series have ${longest} steps` : `series have ${shortest} to ${longest} steps`
  const resampled = stretch < 1 ? `; they are resampled so that the longest has ${length}` : ''
  return `${said}${resampled}${mask ? `; networks read ${length}, of which a mask tells real steps from padding` : ''}`
}

async function readAll(
  data: ReadSeriesOptions['data'],
  columns: SeriesColumns,
  warnings: string[],
): Promise<SeriesOfTable & { readonly name: string; readonly target?: string }> {
  if (typeof data === 'string' && !existsSync(data))
    throw error('ARCHLOOM_FIT_DATA', { received: data, expected: 'a file or folder that exists' })
  if (typeof data === 'string' && statSync(data).isDirectory()) {
    const { series, target } = columns
    if (series !== undefined || target !== undefined)
      throw error('ARCHLOOM_FIT_TASK', {
        option: series === undefined ? 'a target' : 'a column of series',
        task: 'a table of series: in a folder, files are series and sub-folders are classes',
      })
    return { ...(await seriesOfFolder(data, columns, warnings)), name: basename(data) }
  }
  const table = typeof data === 'string' ? await readTable(data) : tableOfRows(data)
  const { series, time } = columns
  if (series === undefined)
    throw error('ARCHLOOM_FIT_LABELLED_SERIES', {
      path: table.name,
      received: `the columns ${table.columns.map(({ name }) => name).join(', ')}`,
      expected: 'the name of the column that tells series apart (--series)',
    })
  const names = table.columns.map(({ name }) => name)
  const target = columns.target ?? names.filter((name) => name !== series && name !== time).at(-1)
  const read = seriesOfTable(table, { ...columns, ...(target !== undefined && { target }) }, warnings)
  return { ...read, name: table.name, ...(target !== undefined && { target }) }
}

/**
 * Series to predict: those of a table or of rows, by the columns of the plan. Without its series column all rows are one series.
 * Errors: ARCHLOOM_TABLE_TARGET, ARCHLOOM_FIT_LABELLED_SERIES.
 */
export async function seriesAt(
  inputs: readonly Row[] | readonly string[] | string,
  plan: LabelledSeriesPlan,
): Promise<readonly NamedSeries[]> {
  const paths = typeof inputs === 'string' ? [inputs] : inputs
  if (paths.length === 0) return []
  if (paths.every((each): each is string => typeof each === 'string')) {
    const found: NamedSeries[] = []
    for (const path of paths) {
      const own = seriesToPredict(await readTable(path), plan)
      // A series without a name of its own is called by its file.
      found.push(...own.map((each) => (each.name === '' ? { ...each, name: path } : each)))
    }
    return found
  }
  return seriesToPredict(tableOfRows(paths as readonly Row[]), plan)
}

function seriesToPredict(table: Table, plan: LabelledSeriesPlan): readonly NamedSeries[] {
  const { series, time, channels } = plan
  const names = table.columns.map(({ name }) => name)
  const columns: SeriesColumns = {
    channels,
    ...(series !== undefined && names.includes(series) && { series }),
    ...(time !== undefined && { time }),
  }
  return seriesOfTable(table, columns, []).series
}

/**
 * Labelled series that took no part, in the form that a model was trained on; those without a class are left out.
 * Errors: ARCHLOOM_FIT_DATA, ARCHLOOM_FIT_LABELLED_SERIES, ARCHLOOM_TABLE_TARGET.
 */
export async function seriesWithLabels(
  data: ReadSeriesOptions['data'],
  { channels }: LabelledSeriesPlan,
  columns: Omit<SeriesColumns, 'channels'>,
): Promise<readonly NamedSeries[]> {
  const { series, name } = await readAll(data, { ...columns, channels }, [])
  const labelled = series.filter(({ label, values }) => label !== undefined && values[0]!.length > 0)
  if (labelled.length === 0)
    throw error('ARCHLOOM_FIT_LABELLED_SERIES', {
      path: name,
      received: 'no series with a class',
      expected: 'at least one',
    })
  return labelled
}
