import { type Random, seeded } from '../../../core/index.ts'
import { error } from '../../../evaluators/tables/errors.ts'
import {
  type Cell,
  findTask,
  foldsOf,
  type Preprocessing,
  planFeatures,
  prepareTraining,
  type Table,
  type TableTask,
  type TargetNumbers,
  type TypedColumn,
  typeOf,
  withoutColumns,
} from '../../../evaluators/tables/index.ts'
import type { TableExamples } from './search.ts'

export interface TableTaskOptions {
  readonly target?: string
  readonly task?: TableTask['kind']
  /** A column whose rows of one value stay together in one fold. */
  readonly group?: string
  /** A column of dates or numbers by which rows are ordered: folds are then stretches of time. */
  readonly time?: string
  readonly seed?: number
}

export interface PreparedTable {
  readonly task: TableTask
  readonly preprocessing: Preprocessing
  readonly examples: TableExamples
  readonly columns: readonly TypedColumn[]
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
}

const FOLDS = 5
/** Beyond so many rows, one fold says enough. */
const MANY_ROWS = 20_000

/** Reads a table as examples: its task, its columns, its folds and its features. */
export function prepareTable(given: Table, options: TableTaskOptions = {}): PreparedTable {
  const { seed = 1, group, time } = options
  const { task, table, targets, notes } = findTask(given, options.target, options.task)
  const rng = seeded(seed)
  const inputs = withoutColumns(table, [task.target, ...(group === undefined ? [] : [group])])
  const columns = inputs.columns.map((column) => typeOf(column, table.delimiter))
  const dropped = columns.filter(({ drop }) => drop !== undefined)
  const warnings = columns.flatMap((column) => column.warnings)
  for (const { name, drop } of dropped) warnings.push(`column ${JSON.stringify(name)} is left out: ${drop}`)
  if (dropped.length === columns.length)
    throw error('ARCHLOOM_TABLE_FEATURES', { target: task.target, dropped: dropped.map(({ name }) => name) })
  if (columns.length > table.rows)
    warnings.push(`${columns.length} columns for ${table.rows} rows: what is found may be chance`)
  warnings.push(...leaks(inputs, columns, targets, task), ...duplicates(inputs))
  const folds = foldsFor(table, { targets, task }, rng.fork('folds'), group, time)
  const outputs = task.kind === 'classification' ? task.classes.length : 1
  const numbers = targetNumbers(targets, outputs, task.kind)
  const preprocessing = planFeatures(inputs, columns, numbers)
  const x = prepareTraining(preprocessing, inputs, numbers, folds)
  const features = preprocessing.features.length
  const detail = preprocessing.features.map(({ kind }) => kind === 'piece' || kind === 'number-level')
  const used =
    table.rows > MANY_ROWS || time !== undefined ? [FOLDS - 1] : Array.from({ length: FOLDS }, (_, fold) => fold)
  const classes = task.kind === 'classification' ? outputs : 0
  return {
    task,
    preprocessing,
    columns,
    notes: [...given.notes, ...notes],
    warnings,
    examples: { x, rows: table.rows, features, detail, targets, classes, folds, used },
  }
}

function foldsFor(
  table: Table,
  found: Parameters<typeof foldsOf>[0],
  rng: Random,
  group?: string,
  time?: string,
): Int32Array {
  const cellsOf = (name: string): readonly Cell[] => {
    const column = table.columns.find((each) => each.name === name)
    if (!column)
      throw error('ARCHLOOM_TABLE_TARGET', {
        target: name,
        columns: table.columns.map((each) => each.name),
        suggestion: '',
      })
    return column.cells
  }
  if (time === undefined) return foldsOf(found, FOLDS, rng, group === undefined ? {} : { groups: cellsOf(group) })
  const cells = cellsOf(time)
  const order = Array.from({ length: table.rows }, (_, i) => i).sort((a, b) => {
    const [x, y] = [cells[a] ?? '', cells[b] ?? '']
    const [m, n] = [Number(x), Number(y)]
    if (!Number.isNaN(m) && !Number.isNaN(n)) return m - n || a - b
    return String(x) < String(y) ? -1 : String(x) > String(y) ? 1 : a - b
  })
  const stretches = foldsOf(found, FOLDS, rng, { ordered: true })
  const folds = new Int32Array(table.rows)
  order.forEach((row, place) => {
    folds[row] = stretches[place]!
  })
  return folds
}

function targetNumbers(targets: Float64Array, outputs: number, kind: TableTask['kind']): TargetNumbers {
  if (kind === 'classification') {
    const values = new Float64Array(targets.length * outputs)
    for (const [i, target] of targets.entries()) values[i * outputs + target] = 1
    return { outputs, values }
  }
  const mean = targets.reduce((sum, value) => sum + value, 0) / targets.length
  const scale = Math.sqrt(targets.reduce((sum, value) => sum + (value - mean) ** 2, 0) / targets.length) || 1
  return { outputs: 1, values: targets.map((value) => (value - mean) / scale) }
}

/** A column that says the target by itself was probably made from it. */
function leaks(table: Table, columns: readonly TypedColumn[], targets: Float64Array, task: TableTask): string[] {
  return columns.flatMap(({ name, drop, distinct }) => {
    if (drop !== undefined || distinct < 2) return []
    const { cells } = table.columns.find((column) => column.name === name)!
    const meaning = new Map<Cell, number>()
    let agree = 0
    for (const [i, cell] of cells.entries()) {
      const own = targets[i]!
      if (!meaning.has(cell)) meaning.set(cell, own)
      if (meaning.get(cell) === own) agree++
    }
    const many =
      task.kind === 'classification'
        ? distinct <= Math.max(2, table.rows / 5)
        : distinct > 10 && distinct < table.rows / 2
    return many && agree === table.rows
      ? [
          `column ${JSON.stringify(name)} says ${JSON.stringify(task.target)} by itself: was it made from it? If it is not known when predicting, leave it out`,
        ]
      : []
  })
}

/** Rows that repeat others make folds share examples. */
function duplicates(table: Table): string[] {
  const seen = new Set<string>()
  let repeated = 0
  for (let i = 0; i < table.rows; i++) {
    const key = table.columns.map(({ cells }) => cells[i]).join('\u0000')
    if (seen.has(key)) repeated++
    else seen.add(key)
  }
  return repeated > 0.01 * table.rows
    ? [`${repeated} of ${table.rows} rows repeat another row: what is measured may be too good`]
    : []
}
