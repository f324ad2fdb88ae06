import type { Evaluation, EvaluatorDefinition } from '../../core/evaluator.ts'
import { optionNames } from '../../core/options/index.ts'
import type { Paper } from '../../core/paper.ts'
import { error } from './errors.ts'
import { simulatedTime } from './simulated-time.ts'

/** Results measured beforehand, looked up by architecture. */
export interface Table<A = unknown> {
  readonly name: string
  /** The metrics of every row. */
  readonly metrics: readonly string[]
  readonly papers?: readonly Paper[]
  /** Notes that a program should print together with results. */
  readonly notes?: readonly string[]
  /**
   * What a search chooses by: 'honest' means a figure that is independent of the reported one, 'oracle' the reported
   * test figure itself.
   */
  readonly protocol?: 'honest' | 'oracle'
  /** The fidelities for which results are stored, ascending; others are refused with ARCHLOOM_TABLE_FIDELITY. */
  readonly fidelities?: readonly number[]
  /** The metrics that are known without training. */
  readonly costs?: readonly string[]
  /** Looks up a result; fidelity 1 is the full training. Error: ARCHLOOM_TABLE_ENTRY_UNKNOWN. */
  lookup(architecture: A, fidelity: number): Evaluation
}

/**
 * An evaluator that looks up results. If the table has training times and the search a virtual clock, the clock moves
 * by these times; evaluations that run at once overlap in simulated time.
 */
export const tabular = <A>(table: Table<A>): EvaluatorDefinition<A> => ({
  kind: 'tabular',
  name: `tabular ${table.name}`,
  metrics: table.metrics,
  concurrency: Number.POSITIVE_INFINITY,
  ...(table.papers && { papers: table.papers }),
  checkFidelity: (fidelity) => {
    const { fidelities: stored } = table
    if (!stored || stored.some((each) => Math.abs(each - fidelity) < 1e-9)) return
    // A table with several fidelities may answer for less than the least of them.
    if (stored[0]! === 1 || fidelity > stored[0]!)
      throw error('ARCHLOOM_TABLE_FIDELITY', { table: table.name, received: fidelity, stored })
  },
  create: ({ clock }) => {
    const pass = simulatedTime(clock)
    return {
      kind: 'tabular',
      name: `tabular ${table.name}`,
      concurrency: Number.POSITIVE_INFINITY,
      ...(table.costs && {
        costs: (architecture) => {
          const { metrics } = table.lookup(architecture, 1)
          return Object.fromEntries(table.costs!.map((name) => [name, metrics[name]!]))
        },
      }),
      evaluate: async ({ architecture, fidelity }, { signal }) => {
        const evaluation = table.lookup(architecture, fidelity)
        if (pass) await pass(evaluation.simulatedSeconds ?? 0, signal)
        return evaluation
      },
    }
  },
})

export interface RowsOptions<A> {
  readonly name: string
  /** Metrics by key; all rows have the same metrics, all finite. */
  readonly rows: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Returns the key of an architecture. */
  readonly key: (architecture: A) => string
  /** Seconds that the training of a row takes at a fidelity. */
  readonly seconds?: (row: Readonly<Record<string, number>>, fidelity: number) => number
  readonly papers?: readonly Paper[]
}

const tableOfNames = optionNames<RowsOptions<never>>('tableOf', {
  name: true,
  rows: true,
  key: true,
  seconds: true,
  papers: true,
})

/** Makes a table from rows in memory. Errors: ARCHLOOM_TABLE_ROW; at a look-up, ARCHLOOM_TABLE_ENTRY_UNKNOWN. */
export function tableOf<A>(given: RowsOptions<A>): Table<A> {
  const { name, rows, key, seconds, papers } = tableOfNames(given)
  const byKey = new Map(Object.entries(rows))
  const metrics = Object.keys([...byKey.values()][0] ?? {})
  const expected = metrics.length ? `finite numbers for ${metrics.join(', ')}` : 'at least one row with a metric'
  if (metrics.length === 0) throw error('ARCHLOOM_TABLE_ROW', { table: name, key: '', received: rows, expected })
  for (const [rowKey, row] of byKey)
    if (Object.keys(row).length !== metrics.length || !metrics.every((metric) => Number.isFinite(row[metric])))
      throw error('ARCHLOOM_TABLE_ROW', { table: name, key: rowKey, received: row, expected })
  return {
    name,
    metrics,
    ...(papers && { papers }),
    lookup: (architecture, fidelity) => {
      const text = key(architecture)
      const row = byKey.get(text)
      if (!row) throw error('ARCHLOOM_TABLE_ENTRY_UNKNOWN', { table: name, key: text, size: byKey.size })
      return { metrics: row, ...(seconds && { simulatedSeconds: seconds(row, fidelity) }) }
    },
  }
}
