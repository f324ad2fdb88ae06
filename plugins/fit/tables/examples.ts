import { type Random, seeded } from '../../../core/index.ts'
import { error } from '../../../evaluators/tables/errors.ts'
import {
  type Cell,
  findTask,
  foldsOf,
  noColumn,
  outputNames,
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
import { type Aim, spread } from './measure.ts'
import type { TableExamples } from './search.ts'

export interface TableTaskOptions {
  readonly target?: string | readonly string[]
  readonly task?: Exclude<TableTask['kind'], 'multi-target'>
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

const aims = {
  classification: 'classes',
  'multi-label': 'labels',
  regression: 'quantities',
  'multi-target': 'quantities',
} as const

const FOLDS = 5
/** Beyond so many rows, one fold says enough. */
const MANY_ROWS = 20_000

/** Reads a table as examples: its task, its columns, its folds and its features. */
export function prepareTable(given: Table, options: TableTaskOptions = {}): PreparedTable {
  const { seed = 1, group, time } = options
  const { task, table, targets, notes } = findTask(given, options.target, options.task)
  const rng = seeded(seed)
  const names = table.columns.map(({ name }) => name)
  if (group !== undefined && !names.includes(group)) throw noColumn(group, 'group rows by', names)
  if (time !== undefined && !names.includes(time)) throw noColumn(time, 'order rows by', names)
  const inputs = withoutColumns(table, [
    ...('targets' in task ? task.targets : [task.target]),
    ...(group === undefined ? [] : [group]),
  ])
  const columns = inputs.columns.map((column) => typeOf(column, table.delimiter))
  const dropped = columns.filter(({ drop }) => drop !== undefined)
  const warnings = columns.flatMap((column) => column.warnings)
  for (const { name, drop } of dropped) warnings.push(`column ${JSON.stringify(name)} is left out: ${drop}`)
  if (dropped.length === columns.length)
    throw error('ARCHLOOM_TABLE_FEATURES', {
      target: task.target,
      dropped: dropped.map(({ name, drop }) => `column ${JSON.stringify(name)} is left out because ${drop}`),
    })
  if (columns.length > table.rows)
    warnings.push(`${columns.length} columns for ${table.rows} rows: what is found may be chance`)
  warnings.push(...leaks(inputs, columns, targets, task))
  const repeated = repeatedRows(inputs)
  if (repeated) warnings.push(repeated.warning)
  const folds = foldsFor(table, { targets, task }, rng.fork('folds'), { group, time, ...repeated })
  const aim: Aim = { kind: aims[task.kind], outputs: outputNames(task).length }
  const numbers = targetNumbers(targets, aim)
  const preprocessing = planFeatures(inputs, columns, numbers)
  const x = prepareTraining(preprocessing, inputs, numbers, folds)
  const features = preprocessing.features.length
  const detail = preprocessing.features.map(({ kind }) => kind === 'piece' || kind === 'number-level')
  const used =
    table.rows > MANY_ROWS || time !== undefined ? [FOLDS - 1] : Array.from({ length: FOLDS }, (_, fold) => fold)
  return {
    task,
    preprocessing,
    columns,
    notes: [...given.notes, ...notes],
    warnings,
    examples: { x, rows: table.rows, features, detail, targets, aim, folds, used },
  }
}

function foldsFor(
  table: Table,
  found: Parameters<typeof foldsOf>[0],
  rng: Random,
  { group, time, keys }: { group: string | undefined; time: string | undefined; keys?: readonly Cell[] },
): Int32Array {
  const cellsOf = (wanted: string): readonly Cell[] => table.columns.find(({ name }) => name === wanted)!.cells
  if (time === undefined) {
    const groups = group === undefined ? keys : cellsOf(group)
    return foldsOf(found, FOLDS, rng, groups ? { groups } : {})
  }
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

function targetNumbers(targets: Float64Array, aim: Aim): TargetNumbers {
  const { kind, outputs } = aim
  if (kind === 'labels') return { outputs, values: targets }
  if (kind === 'classes') {
    const values = new Float64Array(targets.length * outputs)
    for (const [i, target] of targets.entries()) values[i * outputs + target] = 1
    return { outputs, values }
  }
  const scales = Array.from({ length: outputs }, (_, k) => spread(targets, outputs, k))
  return {
    outputs,
    values: targets.map((value, i) => (value - scales[i % outputs]!.mean) / scales[i % outputs]!.scale),
  }
}

/** A column that says the target by itself was probably made from it. */
function leaks(table: Table, columns: readonly TypedColumn[], targets: Float64Array, task: TableTask): string[] {
  const width = targets.length / table.rows
  return columns.flatMap(({ name, drop, distinct }) => {
    if (drop !== undefined || distinct < 2) return []
    const { cells } = table.columns.find((column) => column.name === name)!
    const meaning = new Map<Cell, string>()
    let agree = 0
    for (const [i, cell] of cells.entries()) {
      const own = targets.subarray(i * width, (i + 1) * width).join(' ')
      if (!meaning.has(cell)) meaning.set(cell, own)
      if (meaning.get(cell) === own) agree++
    }
    const many =
      task.kind === 'classification' || task.kind === 'multi-label'
        ? distinct <= Math.max(2, table.rows / 5)
        : distinct > 10 && distinct < table.rows / 2
    return many && agree === table.rows
      ? [
          `column ${JSON.stringify(name)} says ${JSON.stringify(task.target)} by itself: was it made from it? If it is not known when predicting, leave it out`,
        ]
      : []
  })
}

/** More repeated rows than this are told; where they are the rule, a table has few different rows by its nature. */
const [SOME, MOST] = [0.01, 0.5]

/** Rows whose inputs repeat those of others; `keys` keep them in one fold, so that folds share no example. */
function repeatedRows(table: Table): { readonly warning: string; readonly keys?: readonly Cell[] } | undefined {
  const keys = Array.from({ length: table.rows }, (_, i) =>
    table.columns.map(({ cells }) => String(cells[i])).join('\u0000'),
  )
  const repeated = table.rows - new Set(keys).size
  if (repeated <= SOME * table.rows) return undefined
  const told = `${repeated} of ${table.rows} rows repeat another row`
  return repeated > MOST * table.rows
    ? { warning: `${told}: what is measured may be too good` }
    : { warning: `${told}; rows that are the same are checked together`, keys }
}
