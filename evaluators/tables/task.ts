import type { Random } from '../../core/random.ts'
import { error } from './errors.ts'
import { findLabels, findSeveral, looksLikeLabels } from './several.ts'
import { type Cell, type Column, rowsOf, type Table } from './table.ts'
import { numberOf, typeOf } from './types.ts'

/** What is predicted. */
export type TableTask =
  | { readonly kind: 'classification'; readonly target: string; readonly classes: readonly string[] }
  | { readonly kind: 'regression'; readonly target: string; readonly strip?: string; readonly decimalComma?: boolean }
  /** Any number of labels per row: in the cells of one column, or in a column of 0 and 1 for each label. */
  | {
      readonly kind: 'multi-label'
      readonly target: string
      readonly targets: readonly string[]
      readonly classes: readonly string[]
      /** Between the labels of a cell. */
      readonly separator?: string
    }
  /** Several quantities. */
  | { readonly kind: 'multi-target'; readonly target: string; readonly targets: readonly string[] }

/** The names of what a task predicts, one for each output. */
export const outputNames = (task: TableTask): readonly string[] =>
  task.kind === 'regression' ? [task.target] : task.kind === 'multi-target' ? task.targets : task.classes

export interface TaskFound {
  readonly task: TableTask
  /** The table without the rows whose target is missing. */
  readonly table: Table
  /** Class indices or numbers, [rows]; of several labels or quantities [rows, outputs]. */
  readonly targets: Float64Array
  readonly notes: readonly string[]
}

const FEWEST_ROWS = 10
/** Integers with at most this many values are classes, if each value has enough rows. */
const [MOST_CLASSES, ROWS_OF_CLASS] = [20, 10]

/** Well inside the range of 32-bit numbers, so that predictions beyond the known values are finite as well. */
const LARGEST_TARGET = 1e30

/**
 * Finds out what kind of task a target column is. Texts and booleans are classes, decimals a quantity. Integers are
 * classes if they have two values, or at most 20 values with at least 10 rows each. Texts such as `a;b` are several labels,
 * and so are several columns of 0 and 1; several other columns are quantities. `kind` overrides this. Errors:
 * ARCHLOOM_TABLE_TARGET, ARCHLOOM_TABLE_TARGET_TYPE, ARCHLOOM_TABLE_TARGET_RANGE, ARCHLOOM_TABLE_CONSTANT,
 * ARCHLOOM_TABLE_TOO_SMALL.
 */
export function findTask(
  read: Table,
  target: string | readonly string[] | undefined,
  kind?: TableTask['kind'],
): TaskFound {
  if (typeof target === 'object' && target.length > 1) return findSeveral(read, target, kind)
  return findOne(read, typeof target === 'object' ? target[0] : target, kind)
}

function findOne(read: Table, target: string | undefined, kind?: TableTask['kind']): TaskFound {
  const names = read.columns.map(({ name }) => name)
  const chosen = target ?? names.at(-1)
  const column = read.columns.find(({ name }) => name === chosen)
  if (!column || chosen === undefined) {
    throw noColumn(target, 'predict', names)
  }
  const notes =
    target === undefined
      ? [`the target is the last column, ${JSON.stringify(chosen)}; choose another one with --target`]
      : []
  if (kind === 'multi-label' || (kind === undefined && looksLikeLabels(column))) {
    const found = findLabels(read, column)
    return { ...found, notes: [...notes, ...found.notes] }
  }
  const infinite = (cell: Cell) => typeof cell === 'string' && /^[+-]?inf(inity)?$/i.test(cell)
  const present = column.cells.flatMap((cell, i) => (cell === null || infinite(cell) ? [] : [i]))
  const lost = read.rows - present.length
  if (lost > 0) notes.push(`${lost} of ${read.rows} rows have no ${chosen} and are left out`)
  if (present.length < FEWEST_ROWS)
    throw error('ARCHLOOM_TABLE_TOO_SMALL', { rows: present.length, least: FEWEST_ROWS, target: chosen })
  const table = lost > 0 ? rowsOf(read, present) : read
  const cells = table.columns.find(({ name }) => name === chosen)!.cells
  const distinct = new Map<Cell, number>()
  for (const cell of cells) distinct.set(cell, (distinct.get(cell) ?? 0) + 1)
  if (distinct.size === 1)
    throw error('ARCHLOOM_TABLE_CONSTANT', { target: chosen, value: String(cells[0]), rows: table.rows })
  const { type, warnings } = typeOf({ name: chosen, cells }, table.delimiter, true)
  notes.push(...warnings)
  const found = kind ?? kindOf(type.kind, distinct, cells)
  if (found === 'regression' && type.kind === 'number') {
    const rule = {
      ...(type.strip !== undefined && { strip: type.strip }),
      ...(type.decimalComma && { decimalComma: true }),
    }
    const values = Float64Array.from(cells, (cell) => numberOf(cell, rule))
    const bad = values.findIndex(Number.isNaN)
    if (bad >= 0) return findOne(withMissing(table, chosen, values), chosen, kind)
    const beyond = values.find((value) => Math.abs(value) > LARGEST_TARGET)
    if (beyond !== undefined)
      throw error('ARCHLOOM_TABLE_TARGET_RANGE', { target: chosen, received: beyond, most: LARGEST_TARGET })
    notes.push(`task: regression of ${JSON.stringify(chosen)} (--task classification overrides this)`)
    return { task: { kind: 'regression', target: chosen, ...rule }, table, targets: values, notes }
  }
  if (found === 'regression')
    throw error('ARCHLOOM_TABLE_TARGET_TYPE', {
      target: chosen,
      received: `${type.kind === 'date' ? 'dates' : 'texts'} such as ${JSON.stringify(cells[0])}`,
    })
  const classes = [...distinct.keys()].map(String).sort((a, b) => numericOrder(a, b) ?? (a < b ? -1 : 1))
  const indexOf = new Map(classes.map((name, i) => [name, i]))
  const rare = [...distinct].filter(([, count]) => count < ROWS_OF_CLASS)
  if (rare.length > 0)
    notes.push(
      `${rare.length} of ${classes.length} classes have fewer than ${ROWS_OF_CLASS} rows: ${rare
        .slice(0, 5)
        .map(([name, count]) => `${name} (${count})`)
        .join(', ')}`,
    )
  const positive = classes.length === 2 ? `; positive is ${JSON.stringify(classes[1])}` : ''
  notes.push(
    `task: classification of ${JSON.stringify(chosen)}, ${classes.length} classes${positive} (--task regression overrides this)`,
  )
  return {
    task: { kind: 'classification', target: chosen, classes },
    table,
    targets: Float64Array.from(cells, (cell) => indexOf.get(String(cell))!),
    notes,
  }
}

/** The error for a column that a table lacks. `purpose` completes "there is no such column to …". */
export function noColumn(name: string | undefined, purpose: string, names: readonly string[]): Error {
  const near = names.find((each) => each.toLowerCase() === String(name).trim().toLowerCase())
  const suggestion = near ? ` Did you mean ${JSON.stringify(near)}?` : ''
  return error('ARCHLOOM_TABLE_TARGET', { target: name, purpose, columns: names, suggestion })
}

/** Marks texts among the numbers of a target as missing. */
const withMissing = (table: Table, target: string, values: Float64Array): Table => ({
  ...table,
  columns: table.columns.map(
    (column): Column =>
      column.name === target
        ? { name: target, cells: column.cells.map((cell, i) => (Number.isNaN(values[i]!) ? null : cell)) }
        : column,
  ),
})

function numericOrder(a: string, b: string): number | undefined {
  const [x, y] = [Number(a), Number(b)]
  return Number.isNaN(x) || Number.isNaN(y) ? undefined : x - y
}

function kindOf(
  type: 'number' | 'date' | 'category',
  distinct: ReadonlyMap<Cell, number>,
  cells: readonly Cell[],
): TableTask['kind'] {
  if (type !== 'number') return 'classification'
  const whole = cells.every((cell) => Number.isInteger(Number(cell)))
  if (!whole) return 'regression'
  if (distinct.size === 2) return 'classification'
  const enough = [...distinct.values()].every((count) => count >= ROWS_OF_CLASS)
  return distinct.size <= MOST_CLASSES && enough ? 'classification' : 'regression'
}

/**
 * The fold of each row, 0 … folds − 1: classes are spread evenly, rows of one group stay together, and with `ordered`
 * the folds are consecutive blocks.
 */
export function foldsOf(
  { targets, task }: Pick<TaskFound, 'targets' | 'task'>,
  folds: number,
  rng: Random,
  by: { readonly groups?: readonly Cell[]; readonly ordered?: boolean } = {},
): Int32Array {
  const { groups, ordered = false } = by
  const width = task.kind === 'multi-label' || task.kind === 'multi-target' ? outputNames(task).length : 1
  const rows = targets.length / width
  const keys = width === 1 ? targets : sortKeys(targets, width, task.kind === 'multi-label')
  const out = new Int32Array(rows)
  if (ordered) return out.map((_, i) => Math.min(folds - 1, Math.floor((i * folds) / rows)))
  if (groups) {
    // Greatest groups first, each to the fold that has fewest rows so far; of equally many rows by their targets, so that
    // these are spread as evenly as groups allow.
    const members = new Map<Cell, number[]>()
    groups.forEach((group, i) => {
      const own = members.get(group)
      if (own) own.push(i)
      else members.set(group, [i])
    })
    const sizes = new Array<number>(folds).fill(0)
    for (const own of rng
      .shuffle([...members.values()])
      .sort((a, b) => b.length - a.length || keys[a[0]!]! - keys[b[0]!]!)) {
      const fold = sizes.indexOf(Math.min(...sizes))
      sizes[fold]! += own.length
      for (const i of own) out[i] = fold
    }
    return out
  }
  const order = rng.shuffle(Array.from({ length: rows }, (_, i) => i))
  // Rows are sorted by target and dealt to the folds in turn, which spreads classes and quantities evenly.
  order.sort((a, b) => keys[a]! - keys[b]!)
  const shift = task.kind === 'classification' ? 0 : rng.int(folds)
  order.forEach((row, i) => {
    out[row] = (i + shift) % folds
  })
  return out
}

/** One number per row by which rows of several targets are spread: the rarest label that it has, or the first quantity. */
function sortKeys(targets: Float64Array, width: number, areLabels: boolean): Float64Array {
  const rows = targets.length / width
  if (!areLabels) return Float64Array.from({ length: rows }, (_, i) => targets[i * width]!)
  const counts = new Array<number>(width).fill(0)
  for (let i = 0; i < targets.length; i++) counts[i % width]! += targets[i]!
  const labels = counts.map((_, k) => k).sort((a, b) => counts[a]! - counts[b]!)
  return Float64Array.from({ length: rows }, (_, i) => labels.findIndex((k) => targets[i * width + k] === 1))
}
