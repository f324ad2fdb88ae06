import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { messageOf } from '../../core/errors.ts'
import { text, value } from '../../core/options/index.ts'
import { error } from './errors.ts'

export interface TableFileOptions {
  /** The file, plain or gzip. Default: looked for in the folder that ARCHLOOM_DATA names, and in its folder `nas`. */
  readonly file?: string
  /** Default process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** The declaration of these options. */
export const tableFileOptions = {
  file: text({ doc: 'Path of the table.' }),
  environment: value<NonNullable<TableFileOptions['environment']>>('an object of environment variables', {
    doc: 'Environment variables, of which ARCHLOOM_DATA names the folder with tables.',
  }),
}

/** The path of a table's file. Error: ARCHLOOM_TABLE_NOT_FOUND. */
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

/** Maximum size of the unpacked text in bytes. The largest table has 12 MB. */
const LARGEST_TEXT = 256 * 1024 ** 2

/** The text of a file, unpacked if it is gzip. Error: ARCHLOOM_TABLE_CORRUPT, also for more than 256 MiB of text. */
export function readText(path: string): string {
  const bytes = readFileSync(path)
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b
  if (bytes.length > LARGEST_TEXT)
    throw error('ARCHLOOM_TABLE_CORRUPT', { path, received: `${bytes.length} bytes`, expected: 'at most 256 MiB' })
  try {
    return (packed ? gunzipSync(bytes, { maxOutputLength: LARGEST_TEXT }) : bytes).toString('utf8')
  } catch (cause) {
    const received = `${bytes.length} bytes that cannot be unpacked (${messageOf(cause)})`
    const expected = 'a complete gzip file with at most 256 MiB of text'
    throw error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected }, { cause })
  }
}

/** The values that a numeric column may hold. */
export interface NumberColumn {
  readonly least: number
  /** Default: any finite number. */
  readonly most?: number
  /** Whether a field may be empty; it is read as NaN. Default: false. */
  readonly empty?: boolean
}

/** Percentages. */
export const PERCENT: NumberColumn = { least: 0, most: 100 }
/** Times, sizes and costs. */
export const AMOUNT: NumberColumn = { least: 0 }

export interface CsvOptions {
  /** Names of the text columns. */
  readonly texts?: readonly string[]
  /** The numeric columns, by name. */
  readonly numbers: Readonly<Record<string, NumberColumn>>
  readonly rows: number
}

export interface Columns {
  text(name: string): readonly string[]
  number(name: string): Float64Array
  readonly names: readonly string[]
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

const inWords = ({ least, most, empty }: NumberColumn) =>
  `a number ${most === undefined ? `of at least ${least}` : `from ${least} to ${most}`}${empty ? ', or nothing' : ''}`

/** The number in a field; undefined if the column may not hold it. */
function numberOf(field: string, { least, most = Number.MAX_VALUE, empty = false }: NumberColumn): number | undefined {
  if (field === '') return empty ? Number.NaN : undefined
  const value = DECIMAL.test(field) ? Number(field) : Number.NaN
  return value >= least && value <= most ? value : undefined
}

/**
 * Reads named columns of a comma-separated file without quotes. Error: ARCHLOOM_TABLE_CORRUPT with the line, also for
 * a field that is missing, empty, not a number or outside the range of its column.
 */
export function readCsv(path: string, { texts = [], numbers, rows }: CsvOptions): Columns {
  const [header = '', ...lines] = readText(path).trimEnd().split(/\r?\n/)
  const names = header.split(',')
  const refuse = (received: string, expected: string, line?: number) =>
    error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected, ...(line !== undefined && { line }) })
  const missing = [...texts, ...Object.keys(numbers)].filter((name) => !names.includes(name))
  if (missing.length > 0) throw refuse(`no column ${missing.join(', ')}`, 'a header with these columns', 1)
  const textColumns = new Map(texts.map((name) => [name, [] as string[]]))
  const numberColumns = new Map(Object.keys(numbers).map((name) => [name, new Float64Array(lines.length)]))
  const texted = [...textColumns].map(([name, column]) => ({ at: names.indexOf(name), column }))
  const numbered = [...numberColumns].map(([name, column]) => ({ name, at: names.indexOf(name), column }))
  for (const [row, line] of lines.entries()) {
    const fields = line.split(',')
    if (fields.length !== names.length) throw refuse(`${fields.length} fields`, `${names.length} fields`, row + 2)
    for (const { at, column } of texted) column.push(fields[at]!)
    for (const { name, at, column } of numbered) {
      const value = numberOf(fields[at]!, numbers[name]!)
      if (value === undefined) throw refuse(`${name} "${fields[at]!.slice(0, 40)}"`, inWords(numbers[name]!), row + 2)
      column[row] = value
    }
  }
  if (lines.length !== rows) throw refuse(`${lines.length} rows`, `${rows} rows`)
  return {
    names,
    text: (name) => textColumns.get(name) ?? [],
    number: (name) => numberColumns.get(name) ?? new Float64Array(0),
  }
}
