import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

/** A row: values by column name. */
export type Row = Readonly<Record<string, unknown>>

export interface Statement {
  run(...values: readonly unknown[]): unknown
  all(...values: readonly unknown[]): readonly Row[]
  get(...values: readonly unknown[]): Row | undefined
}

/** The part of `node:sqlite` that is used here. */
export interface Database {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}

interface Driver {
  readonly DatabaseSync: new (file: string) => Database
}

/** Imports a module by name; a parameter, so that a test can simulate a missing one. */
export type Importer = (name: string) => Promise<unknown>

const importModule: Importer = (name) => import(name)

/** The package with the interface of Node 22.13's SQLite, for older versions of Node. */
const PACKAGE = '@photostructure/sqlite'
const [MAJOR, MINOR] = [22, 13]

const hasOwn = (version: string) => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > MAJOR || (major === MAJOR && minor >= MINOR)
}

/**
 * Node's own SQLite if it has one, otherwise the package with the same interface. Both are the same library with the
 * same locks, so processes with different versions of Node can share a file. Error: ARCHLOOM_SQLITE_MISSING.
 */
export async function loadDriver(load: Importer = importModule, node = process.versions.node): Promise<Driver> {
  const name = hasOwn(node) ? 'node:sqlite' : PACKAGE
  try {
    return (await load(name)) as Driver
  } catch (cause) {
    const reason = messageOf(cause).split('\n')[0] ?? ''
    throw error('ARCHLOOM_SQLITE_MISSING', { node, packages: [PACKAGE], reason }, { cause })
  }
}
