import type { Random } from '../../core/random.ts'
import { error } from './errors.ts'
import { type Cell, type Column, rowsOf, type Table } from './table.ts'
import { numberOf, typeOf } from './types.ts'

/** What is predicted. */
export type TableTask =
  | { readonly kind: 'classification'; readonly target: string; readonly classes: readonly string[] }
  | { readonly kind: 'regression'; readonly target: string; readonly strip?: string; readonly decimalComma?: boolean }

export interface TaskFound {
  readonly task: TableTask
  /** The table without the rows whose target is missing. */
  readonly table: Table
  /** [rows]: class indices, or numbers. */
  readonly targets: Float64Array
  readonly notes: readonly string[]
}

const FEWEST_ROWS = 10
/** Integers with at most so many values are classes, if each has enough rows. */
const [MOST_CLASSES, ROWS_OF_CLASS] = [20, 10]

/**
 * Finds out what a column asks for: text and truth values are classes, decimals a quantity; integers are classes where
 * they have two values, or at most 20 with 10 rows each. `kind` overrules this.
 * Errors: ARCHLOOM_TABLE_TARGET, ARCHLOOM_TABLE_CONSTANT, ARCHLOOM_TABLE_TOO_SMALL.
 */
export function findTask(read: Table, target: string | undefined, kind?: TableTask['kind']): TaskFound {
  const names = read.columns.map(({ name }) => name)
  const chosen = target ?? names.at(-1)
  const column = read.columns.find(({ name }) => name === chosen)
  if (!column || chosen === undefined) {
    const near = names.find((name) => name.toLowerCase() === String(target).trim().toLowerCase())
    throw error('ARCHLOOM_TABLE_TARGET', {
      target,
      columns: names,
      suggestion: near ? ` Did you mean ${JSON.stringify(near)}?` : '',
    })
  }
  const notes =
    target === undefined ? [`target is the last column, ${JSON.stringify(chosen)}; --target names another`] : []
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
    if (bad >= 0) return findTask(withMissing(table, chosen, values), chosen, kind)
    notes.push(`task: regression of ${JSON.stringify(chosen)} (--task classification overrules this)`)
    return { task: { kind: 'regression', target: chosen, ...rule }, table, targets: values, notes }
  }
  if (found === 'regression')
    throw error('ARCHLOOM_TABLE_TARGET', {
      target: chosen,
      columns: names,
      suggestion: ' Regression needs a column of numbers.',
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
    `task: classification of ${JSON.stringify(chosen)}, ${classes.length} classes${positive} (--task regression overrules this)`,
  )
  return {
    task: { kind: 'classification', target: chosen, classes },
    table,
    targets: Float64Array.from(cells, (cell) => indexOf.get(String(cell))!),
    notes,
  }
}

/** Texts among the numbers of a target are rows without a target. */
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
 * the folds are consecutive stretches.
 */
export function foldsOf(
  { targets, task }: Pick<TaskFound, 'targets' | 'task'>,
  folds: number,
  rng: Random,
  by: { readonly groups?: readonly Cell[]; readonly ordered?: boolean } = {},
): Int32Array {
  const { groups, ordered = false } = by
  const rows = targets.length
  const out = new Int32Array(rows)
  if (ordered) return out.map((_, i) => Math.min(folds - 1, Math.floor((i * folds) / rows)))
  if (groups) {
    // Greatest groups first, each to the fold that has fewest rows so far.
    const members = new Map<Cell, number[]>()
    groups.forEach((group, i) => {
      const own = members.get(group)
      if (own) own.push(i)
      else members.set(group, [i])
    })
    const sizes = new Array<number>(folds).fill(0)
    for (const own of rng.shuffle([...members.values()]).sort((a, b) => b.length - a.length)) {
      const fold = sizes.indexOf(Math.min(...sizes))
      sizes[fold]! += own.length
      for (const i of own) out[i] = fold
    }
    return out
  }
  const order = rng.shuffle(Array.from({ length: rows }, (_, i) => i))
  // Sorted by target, consecutive rows go to different folds: classes and quantities are spread evenly.
  order.sort((a, b) => targets[a]! - targets[b]!)
  const shift = task.kind === 'classification' ? 0 : rng.int(folds)
  order.forEach((row, i) => {
    out[row] = (i + shift) % folds
  })
  return out
}
