import Papa from 'papaparse'
import { messageOf, quote } from '../../core/errors.ts'
import { DEEPEST, isShallow } from '../../core/nesting.ts'
import { callback, type OptionsOf, options, required, text, value } from '../../core/options/index.ts'
import type { SearchSpace } from '../../core/space/space.ts'
import { error } from './errors.ts'
import type { TableRow } from './published/rows.ts'
import { readText } from './read-table.ts'
import type { Table } from './table.ts'

const declared = options('fileTable', {
  file: required(text({ doc: 'A CSV file with a header, or a JSON file with an array of objects; plain or gzip.' })),
  chooses: required(text({ doc: 'The column by which a search is meant to choose, such as the validation accuracy.' })),
  reports: required(text({ doc: 'The column that is reported of what was chosen, such as the test accuracy.' })),
  space: value<SearchSpace<never>>('a search space', {
    doc: 'The space of the architectures: the column `architecture` holds genotypes as `space.format` writes them, or architectures as JSON.',
  }),
  key: callback<(architecture: never) => string>({
    doc: 'Instead of `space`: the text of an architecture in the column `architecture`.',
  }),
  name: text({ absent: 'the name of the file', doc: 'Name of the table.' }),
})
export type FileTableOptions<A> = Omit<OptionsOf<typeof declared>, 'space' | 'key'> & {
  readonly space?: SearchSpace<A>
  readonly key?: (architecture: A) => string
}

/** Columns that are no metrics. */
const own = ['architecture', 'fidelity', 'seconds']

/** Rows of a file in the layout of own tables. Error: ARCHLOOM_TABLE_CORRUPT. */
export function readRows(path: string): readonly TableRow[] {
  const content = readText(path)
  const refuse = (received: string, expected: string, line?: number) =>
    error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected, ...(line !== undefined && { line }) })
  let records: readonly unknown[]
  if (/^\s*\[/.test(content)) {
    try {
      records = JSON.parse(content) as readonly unknown[]
    } catch (cause) {
      throw refuse(`no JSON (${messageOf(cause)})`, 'a JSON array of objects')
    }
  } else {
    const parsed = Papa.parse<Record<string, string>>(content, { header: true, skipEmptyLines: true })
    const [problem] = parsed.errors.filter(({ type }) => type !== 'Delimiter')
    if (problem) throw refuse(problem.message, 'a CSV file with a header', (problem.row ?? 0) + 2)
    records = parsed.data
  }
  if (records.length === 0) throw refuse('no row', 'at least one row')
  if (!isShallow(records)) throw refuse(`a value nested more than ${DEEPEST} levels deep`, 'architectures and numbers')
  return records.map((record, i) => {
    if (typeof record !== 'object' || record === null || !('architecture' in record))
      throw refuse(`row ${i + 1} without the column architecture`, `the columns ${own.join(', ')} and metrics`, i + 2)
    const { architecture, ...columns } = record as Readonly<Record<string, unknown>>
    const numberOf = (name: string, given: unknown) => {
      const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given
      if (typeof number !== 'number' || !Number.isFinite(number))
        throw refuse(`${name} ${quote(given, 40)}`, 'a finite number', i + 2)
      return number
    }
    const isPartial = columns.fidelity !== undefined && columns.fidelity !== '' && Number(columns.fidelity) < 1
    const numbers = Object.entries(columns).flatMap(([name, given]) =>
      // The two that may be left out, and metrics that are known only at the end of a training.
      given === '' && (isPartial || own.includes(name)) ? [] : [[name, numberOf(name, given)] as const],
    )
    const { fidelity, seconds, ...metrics } = Object.fromEntries(numbers)
    if (fidelity !== undefined && !(fidelity > 0 && fidelity <= 1))
      throw refuse(`fidelity ${fidelity}`, 'a share of the full training, above 0 and at most 1', i + 2)
    return {
      architecture: typeof architecture === 'string' ? architecture : JSON.stringify(architecture),
      ...(fidelity !== undefined && { fidelity }),
      ...(seconds !== undefined && { seconds }),
      metrics,
    }
  })
}

/** Rows as CSV in the layout of own tables. */
export function rowsAsCsv(rows: readonly TableRow[]): string {
  const metrics = [...new Set(rows.flatMap((row) => Object.keys(row.metrics)))]
  const header = [...own, ...metrics]
  const cells = rows.map(({ architecture, fidelity = 1, seconds, metrics: values }) => [
    architecture,
    fidelity,
    seconds ?? '',
    ...metrics.map((name) => values[name] ?? ''),
  ])
  return `${Papa.unparse([header, ...cells], { newline: '\n' })}\n`
}

/**
 * A table from a file of your own, with the columns `architecture`, `fidelity` and `seconds` (both may be left out) and one
 * column for each metric; rows of a lower fidelity may leave out metrics other than the one that chooses. It says which metric chooses and which is reported; where they are the same one, what a search
 * finds looks better than it is, and the table's protocol is 'oracle'.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_TABLE_CORRUPT, ARCHLOOM_TABLE_ROW; at a look-up ARCHLOOM_TABLE_ENTRY_UNKNOWN,
 * ARCHLOOM_TABLE_FIDELITY.
 */
export function fileTable<A>(given: FileTableOptions<A>): Table<A> {
  const { file, chooses, reports, name = file } = declared.read(given as never)
  const { space, key } = given
  if (Boolean(space) === Boolean(key)) throw declared.refuse('key', key, 'a function, or a space instead, and not both')
  const rows = readRows(file)
  const complete = rows.reduce((most, row) => ((row.fidelity ?? 1) > (most.fidelity ?? 1) ? row : most))
  const metrics = Object.keys(complete.metrics)
  for (const column of [chooses, reports])
    if (!metrics.includes(column)) throw declared.refuse('chooses', column, `one of the columns ${metrics.join(', ')}`)
  const keyOf = (architecture: A) => (space ? space.format(space.encode(architecture)) : key!(architecture))
  const parsedJson = (text: string): unknown => {
    const refuse = (cause?: unknown) =>
      error(
        'ARCHLOOM_TABLE_ROW',
        { table: name, key: quote(text, 80), received: quote(text, 80), expected: 'an architecture as JSON' },
        { cause },
      )
    try {
      const parsed: unknown = JSON.parse(text)
      if (isShallow(parsed)) return parsed
    } catch (cause) {
      throw refuse(cause)
    }
    throw refuse()
  }
  const textOf = (architecture: string): string => {
    if (!space) return architecture
    const isJson = /^\s*[[{"]/.test(architecture)
    const parsed: unknown = isJson ? parsedJson(architecture) : architecture
    const valid = space.validate(parsed)
    return space.format(valid.ok ? valid.genotype : isJson ? space.encode(parsed as A) : throwing(valid.error))
  }
  const found = new Map<string, Map<number, TableRow>>()
  for (const row of rows) {
    const { fidelity = 1 } = row
    const at = textOf(row.architecture)
    const levels = found.get(at) ?? new Map<number, TableRow>()
    found.set(at, levels)
    const refuse = (expected: string) =>
      error('ARCHLOOM_TABLE_ROW', { table: name, key: row.architecture, received: row.metrics, expected })
    if (levels.has(fidelity)) throw refuse(`one row for fidelity ${fidelity}`)
    const names = Object.keys(row.metrics)
    const isPartial = fidelity < (complete.fidelity ?? 1)
    const isComplete = isPartial || names.length === metrics.length
    if (!isComplete || !names.includes(chooses) || !names.every((name) => metrics.includes(name)))
      throw refuse(isPartial ? `${chooses}, and others of ${metrics.join(', ')}` : `the metrics ${metrics.join(', ')}`)
    levels.set(fidelity, row)
  }
  return {
    name,
    metrics,
    protocol: chooses === reports ? 'oracle' : 'honest',
    fidelities: [...new Set(rows.map(({ fidelity = 1 }) => fidelity))].sort((a, b) => a - b),
    notes: [`a search is meant to choose by ${chooses}, and ${reports} of what it chose is reported`],
    lookup: (architecture, fidelity) => {
      const at = keyOf(architecture)
      const levels = found.get(at)
      if (!levels) throw error('ARCHLOOM_TABLE_ENTRY_UNKNOWN', { table: name, key: at, size: found.size })
      // Products such as 0.2 · 0.3 miss a stored share by rounding.
      const stored = [...levels.keys()].find((each) => Math.abs(each - fidelity) <= 1e-9)
      if (stored === undefined)
        throw error('ARCHLOOM_TABLE_FIDELITY', { table: name, received: fidelity, stored: [...levels.keys()] })
      const { metrics: values, seconds } = levels.get(stored)!
      return { metrics: values, ...(seconds !== undefined && { simulatedSeconds: seconds }) }
    },
  }
}

const throwing = (thrown: Error): never => {
  throw thrown
}
