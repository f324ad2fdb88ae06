import { type ColumnPlan, featuresOf, type Preprocessing, prepareRows } from './prepare.ts'
import type { Cell, Table } from './table.ts'
import { numberOf, secondsOf, type TypedColumn } from './types.ts'

/** Maximum number of values of a category that get their own feature. */
const MOST_LEVELS = 32
/** A category with more values than this also gets features with its mean target. */
const FEW_LEVELS = 6
/** Number of rows that the overall mean counts as in a mean target. */
const SHRINKAGE = 10
/** Number of intervals of a numeric column. */
const PIECES = 12
/**
 * With more numeric columns than this, they get no levels and no intervals, because there would be too many features
 * for the rows.
 */
const MOST_DETAILED = 40

/** The target while features are planned: numbers [rows, outputs], standardised or one-hot. */
export interface TargetNumbers {
  readonly outputs: number
  readonly values: Float64Array
}

const median = (sorted: readonly number[]) => sorted[Math.floor((sorted.length - 1) / 2)] ?? 0

/** Plans the features of a table from its training rows. */
export function planFeatures(table: Table, typed: readonly TypedColumn[], target: TargetNumbers): Preprocessing {
  const used = typed.filter(({ drop }) => drop === undefined)
  const detailed = used.filter(({ type }) => type.kind === 'number').length <= MOST_DETAILED
  const cells = new Map(table.columns.map((column) => [column.name, column.cells]))
  const columns = used.map((column) => planColumn(column, cells.get(column.name)!, target, detailed))
  return { columns, features: columns.flatMap(featuresOf) }
}

function planColumn(
  { name, type }: TypedColumn,
  cells: readonly Cell[],
  target: TargetNumbers,
  detailed: boolean,
): ColumnPlan {
  if (type.kind === 'number') {
    const numbers = cells.map((cell) => numberOf(cell, type)).filter((value) => !Number.isNaN(value))
    const sorted = numbers.toSorted((a, b) => a - b)
    const mean = numbers.reduce((sum, value) => sum + value, 0) / Math.max(1, numbers.length)
    const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, numbers.length)
    const levels = detailed ? (type.levels ?? []) : []
    return {
      kind: 'number',
      name,
      ...(type.strip !== undefined && { strip: type.strip }),
      ...(type.decimalComma !== undefined && { decimalComma: type.decimalComma }),
      median: median(sorted),
      mean,
      scale: Math.sqrt(variance) || 1,
      flag: numbers.length < cells.length,
      levels,
      knots: detailed && levels.length === 0 ? knotsOf(sorted) : [],
    }
  }
  if (type.kind === 'date') {
    const seconds = cells.map((cell) => secondsOf(cell, type.order)).filter((value) => !Number.isNaN(value))
    const sorted = seconds.toSorted((a, b) => a - b)
    const start = sorted[0] ?? 0
    return {
      kind: 'date',
      name,
      order: type.order,
      start,
      scale: (sorted.at(-1) ?? 0) - start || 1,
      median: median(sorted),
    }
  }
  const counts = new Map<string, number>()
  for (const cell of cells) if (cell !== null) counts.set(String(cell), (counts.get(String(cell)) ?? 0) + 1)
  const byCount = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  const levels = byCount.slice(0, MOST_LEVELS).map(([level]) => level)
  const all = cells.map((_, i) => i)
  const means = byCount.length > FEW_LEVELS ? meanTargets(cells, all, target) : { targets: {}, overall: [] }
  return { kind: 'category', name, levels, ...means }
}

/** Boundaries between groups of equally many training values, without duplicates. */
function knotsOf(sorted: readonly number[]): number[] {
  const knots = Array.from({ length: PIECES + 1 }, (_, k) => sorted[Math.round((k * (sorted.length - 1)) / PIECES)]!)
  const distinct = [...new Set(knots)]
  return distinct.length < 3 ? [] : distinct
}

/** Mean of each output by category over some rows, shrunk to the mean of these rows. */
function meanTargets(cells: readonly Cell[], rows: readonly number[], { outputs, values }: TargetNumbers) {
  const overall = new Array<number>(outputs).fill(0)
  const sums = new Map<string, { count: number; sum: number[] }>()
  for (const row of rows) {
    const key = cells[row] === null ? '' : String(cells[row])
    const entry = sums.get(key) ?? { count: 0, sum: new Array<number>(outputs).fill(0) }
    entry.count++
    for (let k = 0; k < outputs; k++) {
      const value = values[row * outputs + k]!
      entry.sum[k]! += value
      overall[k]! += value
    }
    sums.set(key, entry)
  }
  for (let k = 0; k < outputs; k++) overall[k]! /= Math.max(1, rows.length)
  const targets: Record<string, readonly number[]> = {}
  for (const [key, { count, sum }] of sums)
    if (key !== '') targets[key] = sum.map((each, k) => (each + SHRINKAGE * overall[k]!) / (count + SHRINKAGE))
  return { targets, overall }
}

/**
 * The features of the training rows. Mean targets of a row are computed from rows of other folds only, so that its own
 * target is not in its features. @param folds The fold of each row, [rows].
 */
export function prepareTraining(
  preprocessing: Preprocessing,
  table: Table,
  target: TargetNumbers,
  folds: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  const rows = recordsOf(table)
  const out = prepareRows(preprocessing, rows)
  const width = preprocessing.features.length
  const cells = new Map(table.columns.map((column) => [column.name, column.cells]))
  let at = 0
  for (const column of preprocessing.columns) {
    const size = featuresOf(column).length
    if (column.kind === 'category' && column.overall.length > 0) {
      const own = cells.get(column.name)!
      const first = at + column.levels.length
      for (const fold of new Set(Array.from(folds))) {
        const others = rows.flatMap((_, i) => (folds[i] === fold ? [] : [i]))
        const { targets, overall } = meanTargets(own, others, target)
        for (let i = 0; i < rows.length; i++) {
          if (folds[i] !== fold) continue
          const key = own[i] === null ? '' : String(own[i])
          const means = Object.hasOwn(targets, key) ? targets[key]! : overall
          for (const [k, mean] of means.entries()) out[i * width + first + k] = mean
        }
      }
    }
    at += size
  }
  return out
}

/** The rows of a table as objects. */
export const recordsOf = (table: Table): Record<string, Cell>[] =>
  Array.from({ length: table.rows }, (_, i) =>
    Object.fromEntries(table.columns.map(({ name, cells }) => [name, cells[i]!])),
  )
