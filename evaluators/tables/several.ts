import { quote } from '../../core/errors.ts'
import { error } from './errors.ts'
import { type Cell, type Column, cellOf, rowsOf, type Table } from './table.ts'
import { noColumn, type TableTask, type TaskFound } from './task.ts'
import { numberOf, typeOf } from './types.ts'

/** Characters that separate the labels of a cell. */
const SEPARATORS = [';', '|', ','] as const
/** A column of texts holds labels if this share of its cells has several, and no more than this many labels occur. */
const [SHARE_OF_SEVERAL, MOST_LABELS] = [0.05, 200]
const FEWEST_ROWS = 10

/** Labels of a cell: a JSON array, or texts between separators. A missing cell has none. */
export function labelsIn(cell: unknown, separator: string | undefined): string[] {
  if (cell === null || cell === undefined) return []
  const text = String(cell)
  const parts: readonly unknown[] = Array.isArray(cell)
    ? cell
    : /^\[.*\]$/s.test(text)
      ? arrayIn(text)
      : separator === undefined
        ? [text]
        : text.split(separator)
  return [...new Set(parts.map((part) => String(part).trim()).filter((part) => part !== ''))]
}

function arrayIn(text: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(text)
    return Array.isArray(parsed) ? parsed : [text]
  } catch {
    return [text]
  }
}

/** What separates the labels of a column's cells, if labels are what they hold. */
function separatorOf(cells: readonly Cell[]): { readonly separator?: string; readonly share: number } {
  const present = cells.filter((cell) => cell !== null)
  const shareOf = (holds: (text: string) => boolean) =>
    present.filter((cell) => holds(String(cell))).length / Math.max(1, present.length)
  if (shareOf((text) => /^\[.*\]$/s.test(text)) > 0.5) return { share: 1 }
  for (const separator of SEPARATORS) {
    const share = shareOf((text) => text.includes(separator))
    if (share > 0) return { separator, share }
  }
  return { share: 0 }
}

/** Whether a column of texts holds lists of labels: `a;b`, `a|b` or JSON arrays, made of few labels in many combinations. */
export function looksLikeLabels({ cells }: Column): boolean {
  const { separator, share } = separatorOf(cells)
  // A comma is part of ordinary texts too; whoever means labels asks for the task by name.
  if (share < SHARE_OF_SEVERAL || separator === ',') return false
  const labels = new Set(cells.flatMap((cell) => labelsIn(cell, separator)))
  return labels.size >= 2 && labels.size <= MOST_LABELS && labels.size < new Set(cells).size
}

/** The task of a column whose cells hold several labels. Errors: ARCHLOOM_TABLE_TOO_SMALL, ARCHLOOM_TABLE_CONSTANT. */
export function findLabels(table: Table, column: Column): TaskFound {
  const { name, cells } = column
  const { separator } = separatorOf(cells)
  const own = cells.map((cell) => labelsIn(cell, separator))
  const classes = [...new Set(own.flat())].sort()
  if (table.rows < FEWEST_ROWS)
    throw error('ARCHLOOM_TABLE_TOO_SMALL', { rows: table.rows, least: FEWEST_ROWS, target: name })
  const [first = ''] = classes
  if (classes.length < 2 && own.every((labels) => labels.length === classes.length))
    throw error('ARCHLOOM_TABLE_CONSTANT', { target: name, value: first, rows: table.rows })
  const indexOf = new Map(classes.map((label, k) => [label, k]))
  const targets = new Float64Array(table.rows * classes.length)
  for (const [i, labels] of own.entries())
    for (const label of labels) targets[i * classes.length + indexOf.get(label)!] = 1
  const none = own.filter((labels) => labels.length === 0).length
  const notes = [
    `task: multi-label classification of ${JSON.stringify(name)}, ${classes.length} labels${separator ? ` separated by ${JSON.stringify(separator)}` : ''} (--task classification overrides this)`,
  ]
  if (none > 0) notes.push(`${none} of ${table.rows} rows have no label; they count as examples of none`)
  const task: TableTask = {
    kind: 'multi-label',
    target: name,
    targets: [name],
    classes,
    ...(separator && { separator }),
  }
  return { task, table, targets, notes }
}

const TRUTHS = new Map([
  ['1', 1],
  ['true', 1],
  ['yes', 1],
  ['0', 0],
  ['false', 0],
  ['no', 0],
])
const truthOf = (cell: Cell) => TRUTHS.get(String(cell).toLowerCase())

/** Whether a column holds nothing but 0 and 1 (or true and false, yes and no), besides missing cells. */
export const holdsTruths = ({ cells }: Column): boolean =>
  cells.some((cell) => cell !== null) && cells.every((cell) => cell === null || truthOf(cell) !== undefined)

/**
 * The task of several target columns: labels where all of them hold 0 and 1 (or true and false, yes and no), and otherwise
 * quantities. Errors: ARCHLOOM_TABLE_TARGET, ARCHLOOM_TABLE_TARGET_TYPE, ARCHLOOM_TABLE_TOO_SMALL, ARCHLOOM_TABLE_CONSTANT.
 */
export function findSeveral(read: Table, names: readonly string[], kind?: TableTask['kind']): TaskFound {
  const known = read.columns.map(({ name }) => name)
  const columnsOf = (table: Table) => names.map((name) => table.columns.find((column) => column.name === name)!)
  for (const name of names) if (!known.includes(name)) throw noColumn(name, 'predict', known)
  const isComplete = (i: number) => columnsOf(read).every(({ cells }) => cells[i] !== null)
  const complete = Array.from({ length: read.rows }, (_, i) => i).filter(isComplete)
  const notes: string[] = []
  const lost = read.rows - complete.length
  if (lost > 0) notes.push(`${lost} of ${read.rows} rows lack one of ${names.join(', ')} and are left out`)
  const target = names.join(', ')
  if (complete.length < FEWEST_ROWS)
    throw error('ARCHLOOM_TABLE_TOO_SMALL', { rows: complete.length, least: FEWEST_ROWS, target })
  const table = lost > 0 ? rowsOf(read, complete) : read
  const columns = columnsOf(table)
  for (const { name, cells } of columns)
    if (new Set(cells).size === 1)
      throw error('ARCHLOOM_TABLE_CONSTANT', { target: name, value: String(cells[0]), rows: table.rows })
  const areLabels = columns.every(({ cells }) => cells.every((cell) => truthOf(cell) !== undefined))
  const targets = new Float64Array(table.rows * names.length)
  const fill = (k: number, numberIn: (cell: Cell) => number) => {
    for (let i = 0; i < table.rows; i++) targets[i * names.length + k] = numberIn(columns[k]!.cells[i]!)
  }
  if (areLabels && kind !== 'regression') {
    columns.forEach((_, k) => void fill(k, (cell) => truthOf(cell)!))
    notes.push(`task: multi-label classification of ${target} (--task regression overrides this)`)
    return { task: { kind: 'multi-label', target, targets: names, classes: names }, table, targets, notes }
  }
  const rules = columns.map((column) => {
    const { type, warnings } = typeOf(column, table.delimiter, true)
    notes.push(...warnings)
    const stray = column.cells.find((cell) => type.kind !== 'number' || Number.isNaN(numberOf(cell, type)))
    if (type.kind !== 'number' || stray !== undefined || (kind !== undefined && kind !== 'regression'))
      throw error('ARCHLOOM_TABLE_TARGET_TYPE', {
        target: column.name,
        received: `values such as ${JSON.stringify(stray ?? column.cells[0])}, which are neither 0 and 1 nor numbers of one kind`,
      })
    return type
  })
  rules.forEach((rule, k) => void fill(k, (cell) => numberOf(cell, rule)))
  notes.push(`task: regression of ${target}`)
  return { task: { kind: 'multi-target', target, targets: names }, table, targets, notes }
}

/**
 * The true values of rows as a task counts them: [rows], or [rows, outputs] of several labels or quantities. A label that
 * a row does not name does not apply to it. Error: ARCHLOOM_TABLE_TRUTH for a row without a value, or with one that is no
 * number or no class of the task.
 */
export function truthOfRows(task: TableTask, rows: readonly Readonly<Record<string, unknown>>[]): Float64Array {
  const refuse = (row: number, target: string, expected: string) =>
    error('ARCHLOOM_TABLE_TRUTH', { row: row + 1, target, received: rows[row]![target], expected })
  if (task.kind === 'classification')
    return Float64Array.from(rows, (row, i) => {
      const cell = cellOf(row[task.target])
      const index = cell === null ? -1 : classOf(task.classes, String(cell))
      if (index < 0) throw refuse(i, task.target, `one of ${quote(task.classes, 200)}, the classes of the model`)
      return index
    })
  if (task.kind === 'regression' || task.kind === 'multi-target') {
    const rule = task.kind === 'regression' ? task : {}
    const targets = task.kind === 'regression' ? [task.target] : task.targets
    return Float64Array.from(
      rows.flatMap((row, i) =>
        targets.map((name) => {
          const value = numberOf(cellOf(row[name]), rule)
          if (!Number.isFinite(value)) throw refuse(i, name, 'a number; leave rows without one out')
          return value
        }),
      ),
    )
  }
  const [column = ''] = task.targets
  return Float64Array.from(
    rows.flatMap((row) => {
      if (task.targets.length > 1) return task.targets.map((name) => truthOf(String(row[name])) ?? 0)
      const own = labelsIn(row[column], task.separator)
      return task.classes.map((label) => (own.includes(label) ? 1 : 0))
    }),
  )
}

/** The place of a class. Programs write true, and tables True or TRUE. */
const classOf = (classes: readonly string[], name: string): number => {
  const exact = classes.indexOf(name)
  return exact >= 0 || !/^(true|false)$/i.test(name)
    ? exact
    : classes.findIndex((each) => each.toLowerCase() === name.toLowerCase())
}
