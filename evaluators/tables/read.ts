import { readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { DEEPEST, isShallow } from '../../core/nesting.ts'
import { error } from './errors.ts'
import { parquetRows } from './parquet.ts'
import { type Cell, cellOf, missingTexts, type Row, type Table, tableOfRows } from './table.ts'

const DELIMITERS = [',', ';', '\t', '|'] as const
/** If a larger share of the rows than this is ragged, the file is refused. */
const RAGGED = 0.02

/** Names under which other tools write row numbers. */
const rowNumberNames = new Set(['__index_level_0__', 'Unnamed: 0', '_row_index'])

/** Extensions that are read as tables. */
export const tableExtensions = ['.csv', '.tsv', '.txt', '.jsonl', '.ndjson', '.json', '.parquet'] as const

/** Whether a path ends like the file of a table. */
export const isTable = (path: string): boolean =>
  tableExtensions.some((extension) => extname(path).toLowerCase() === extension)

/**
 * Reads a table from a file: CSV and TSV (any of `,` `;` tab `|`), JSON lines, a JSON array of objects, or Parquet.
 * Errors: ARCHLOOM_TABLE_READ, ARCHLOOM_TABLE_EMPTY, ARCHLOOM_TABLE_RAGGED.
 */
export async function readTable(path: string): Promise<Table> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    throw error('ARCHLOOM_TABLE_READ', { path, reason: messageOf(cause) }, { cause })
  }
  const extension = extname(path).toLowerCase()
  const name = basename(path)
  if (extension === '.parquet') return await readParquet(bytes, name)
  const text = textOf(bytes)
  if (extension === '.jsonl' || extension === '.ndjson') return readJsonLines(text, name)
  if (extension === '.json') return readJson(text, name)
  if (text.includes('\u0000')) throw error('ARCHLOOM_TABLE_READ', { path, reason: 'it holds binary data, not text' })
  return await readDelimited(text, name)
}

/** UTF-8, or UTF-16 where a byte order mark says so, as spreadsheets write "Unicode text". */
function textOf(bytes: Uint8Array): string {
  const mark = (bytes[0]! << 8) | bytes[1]!
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}

/** The character outside quotes that splits the first lines most evenly into more than one field. */
export function delimiterOf(text: string): string {
  const lines = text
    .split(/\r?\n/, 400)
    .filter((line) => line.trim() !== '')
    .slice(0, 50)
  let best: { delimiter: string; agreement: number; fields: number } | undefined
  for (const delimiter of DELIMITERS) {
    const counts = lines.map((line) => fieldsOf(line, delimiter))
    const usual = mostFrequent(counts)
    if (usual < 2) continue
    const agreement = counts.filter((count) => count === usual).length / counts.length
    if (!best || agreement > best.agreement || (agreement === best.agreement && usual > best.fields))
      best = { delimiter, agreement, fields: usual }
  }
  return best?.delimiter ?? ','
}

function fieldsOf(line: string, delimiter: string): number {
  let [fields, quoted] = [1, false]
  for (const character of line)
    if (character === '"') quoted = !quoted
    else if (character === delimiter && !quoted) fields++
  return fields
}

function mostFrequent(counts: readonly number[]): number {
  const seen = new Map<number, number>()
  for (const count of counts) seen.set(count, (seen.get(count) ?? 0) + 1)
  return [...seen].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]?.[0] ?? 0
}

const isNumberText = (text: string) => text.trim() !== '' && Number.isFinite(Number(text))

/**
 * Reads a table from delimited text. The first row holds the names, unless all of its cells are numbers. Errors:
 * ARCHLOOM_TABLE_READ, ARCHLOOM_TABLE_EMPTY, ARCHLOOM_TABLE_RAGGED.
 */
export async function readDelimited(text: string, name: string): Promise<Table> {
  const { default: papa } = await import('papaparse')
  const delimiter = delimiterOf(text)
  const { data, errors } = papa.parse<string[]>(text, { skipEmptyLines: true, delimiter })
  const open = errors.find(({ code }) => code === 'MissingQuotes')
  if (open)
    throw error('ARCHLOOM_TABLE_READ', {
      path: name,
      reason: `the quotation mark that opens a field in row ${(open.row ?? 0) + 1} is never closed, so that all that follows would be one field; close it, or double the marks within fields`,
    })
  const [first, ...rest] = data
  if (!first) throw error('ARCHLOOM_TABLE_EMPTY', { name, received: 'no rows' })
  const hasNames = !first.every(isNumberText)
  const notes: string[] = []
  if (!hasNames)
    notes.push(
      `${name}: the first row holds numbers only, so it is data, and the columns are named column_1, column_2, …`,
    )
  const names = uniqueNames(hasNames ? first : first.map((_, i) => `column_${i + 1}`), notes)
  const rows = hasNames ? rest : data
  if (rows.length === 0) throw error('ARCHLOOM_TABLE_EMPTY', { name, received: 'column names but no rows' })
  const ragged = rows.flatMap((row, i) => (row.length === names.length ? [] : [i + (hasNames ? 2 : 1)]))
  if (ragged.length > Math.max(1, RAGGED * rows.length))
    throw error('ARCHLOOM_TABLE_RAGGED', {
      name,
      expected: names.length,
      rows: ragged.length,
      first: ragged[0]!,
      received: rows[ragged[0]! - (hasNames ? 2 : 1)]!.length,
    })
  if (ragged.length > 0)
    notes.push(
      `${name}: ${ragged.length} of ${rows.length} rows have a different number of fields than the header and are left out (row ${ragged.slice(0, 5).join(', ')})`,
    )
  const kept = ragged.length === 0 ? rows : rows.filter((row) => row.length === names.length)
  const columns = names.map((column, k) => ({
    name: column,
    cells: kept.map((row): Cell => {
      const cell = row[k]!.trim()
      return missingTexts.has(cell) ? null : cell
    }),
  }))
  return withoutRowNumbers({
    name,
    columns,
    rows: kept.length,
    notes,
    delimiter,
    ...(ragged.length > 0 && { leftOut: ragged }),
  })
}

function uniqueNames(given: readonly string[], notes: string[]): string[] {
  const taken = new Set<string>()
  return given.map((raw, i) => {
    const wanted = raw.trim() || `column_${i + 1}`
    let name = wanted
    for (let n = 2; taken.has(name); n++) name = `${wanted}_${n}`
    taken.add(name)
    if (name !== raw.trim())
      notes.push(`column ${i + 1}, named ${JSON.stringify(raw)}, is called ${JSON.stringify(name)}`)
    return name
  })
}

function withoutRowNumbers(table: Table): Table {
  const dropped = table.columns.filter(({ name }) => rowNumberNames.has(name)).map(({ name }) => name)
  if (dropped.length === 0) return table
  return {
    ...table,
    columns: table.columns.filter(({ name }) => !dropped.includes(name)),
    notes: [...table.notes, `${dropped.join(', ')}: row numbers written by another tool; left out`],
  }
}

function readJsonLines(text: string, name: string): Table {
  const rows: Row[] = []
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    try {
      rows.push(JSON.parse(line) as Row)
    } catch (cause) {
      throw error(
        'ARCHLOOM_TABLE_READ',
        { path: name, reason: `line ${i + 1} is not JSON: ${messageOf(cause)}` },
        { cause },
      )
    }
  }
  return checkedRows(rows, name)
}

function readJson(text: string, name: string): Table {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw error('ARCHLOOM_TABLE_READ', { path: name, reason: messageOf(cause) }, { cause })
  }
  return checkedRows(parsed, name)
}

function checkedRows(rows: unknown, name: string): Table {
  const isObject = (row: unknown) => typeof row === 'object' && row !== null && !Array.isArray(row)
  if (!Array.isArray(rows) || !rows.every(isObject))
    throw error('ARCHLOOM_TABLE_READ', { path: name, reason: 'it holds something other than one object per row' })
  if (rows.length === 0) throw error('ARCHLOOM_TABLE_EMPTY', { name, received: 'no rows' })
  if (!isShallow(rows))
    throw error('ARCHLOOM_TABLE_READ', { path: name, reason: `a cell is nested more than ${DEEPEST} levels deep` })
  return withoutRowNumbers(tableOfRows(rows as Row[], name))
}

async function readParquet(bytes: Uint8Array, name: string): Promise<Table> {
  const rows = await parquetRows(bytes).catch((cause: unknown) => {
    throw error('ARCHLOOM_TABLE_READ', { path: name, reason: messageOf(cause) }, { cause })
  })
  return checkedRows(rows, name)
}

/** Any cell of a user's own row. */
export { cellOf }
