import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

export interface TableFileOptions {
  /** The file, plain or gzip. Default: looked for in the folder that ARCHLOOM_DATA names, and in its folder `nas`. */
  readonly file?: string
  /** Default process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Where a table's file lies. Error: ARCHLOOM_TABLE_NOT_FOUND. */
export function findTable(table: string, name: string, { file, environment = process.env }: TableFileOptions): string {
  const root = environment.ARCHLOOM_DATA
  const folders = root ? [join(root, 'nas'), root] : []
  const looked = file ? [file] : folders.flatMap((folder) => [join(folder, `${name}.gz`), join(folder, name)])
  const found = looked.find((path) => existsSync(path))
  if (found) return found
  const remedy = file
    ? 'Correct the path.'
    : `Set ARCHLOOM_DATA to the folder that holds nas/${name}.gz, or give { file: 'path/to/${name}.gz' }.`
  throw error('ARCHLOOM_TABLE_NOT_FOUND', { table, looked, remedy })
}

/** The text of a file, unpacked if it is gzip. Error: ARCHLOOM_TABLE_CORRUPT. */
export function readText(path: string): string {
  const bytes = readFileSync(path)
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b
  try {
    return (packed ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (cause) {
    const received = `${bytes.length} bytes that cannot be unpacked (${messageOf(cause)})`
    throw error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected: 'a whole gzip file' }, { cause })
  }
}

export interface CsvOptions {
  /** Columns of text. */
  readonly texts?: readonly string[]
  /** Columns of numbers; an empty field is NaN. */
  readonly numbers: readonly string[]
  readonly rows: number
}

export interface Columns {
  text(name: string): readonly string[]
  number(name: string): Float64Array
  readonly names: readonly string[]
}

/** Named columns of a comma-separated file without quotes. Error: ARCHLOOM_TABLE_CORRUPT with the line. */
export function readCsv(path: string, { texts = [], numbers, rows }: CsvOptions): Columns {
  const [header = '', ...lines] = readText(path).trimEnd().split(/\r?\n/)
  const names = header.split(',')
  const refuse = (received: string, expected: string, line?: number) =>
    error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected, ...(line !== undefined && { line }) })
  const missing = [...texts, ...numbers].filter((name) => !names.includes(name))
  if (missing.length > 0) throw refuse(`no column ${missing.join(', ')}`, 'a header with these columns', 1)
  const textColumns = new Map(texts.map((name) => [name, [] as string[]]))
  const numberColumns = new Map(numbers.map((name) => [name, new Float64Array(lines.length)]))
  const texted = [...textColumns].map(([name, column]) => ({ at: names.indexOf(name), column }))
  const numbered = [...numberColumns].map(([name, column]) => ({ name, at: names.indexOf(name), column }))
  for (const [row, text] of lines.entries()) {
    const fields = text.split(',')
    if (fields.length !== names.length) throw refuse(`${fields.length} fields`, `${names.length} fields`, row + 2)
    for (const { at, column } of texted) column.push(fields[at] as string)
    for (const { name, at, column } of numbered) {
      const field = fields[at] as string
      column[row] = field === '' ? Number.NaN : Number(field)
      if (field !== '' && Number.isNaN(column[row])) throw refuse(`${name} "${field}"`, 'a number', row + 2)
    }
  }
  if (lines.length !== rows) throw refuse(`${lines.length} rows`, `${rows} rows`)
  return {
    names,
    text: (name) => textColumns.get(name) ?? [],
    number: (name) => numberColumns.get(name) ?? new Float64Array(0),
  }
}
