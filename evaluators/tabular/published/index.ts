import { error } from '../errors.ts'
import { hwNasBenchRows } from './hw-nas-bench.ts'
import { nasBench101Rows } from './nas-bench-101.ts'
import { nasBench301Rows } from './nas-bench-301.ts'
import { naslibRows } from './naslib.ts'
import { natsBenchRows } from './nats-bench.ts'
import type { TableRow } from './rows.ts'
import { transNasBenchRows } from './transnas-bench.ts'

export { hwNasBenchRows } from './hw-nas-bench.ts'
export { nasBench101Key, nasBench101Rows } from './nas-bench-101.ts'
export { nasBench301Rows } from './nas-bench-301.ts'
export { naslibRows } from './naslib.ts'
export { natsBenchRows } from './nats-bench.ts'
export type { TableRow } from './rows.ts'
export { transNasBenchRows } from './transnas-bench.ts'

/** Published layouts that can be read, by name. */
export const tableLayouts = [
  'nas-bench-101',
  'nas-bench-301',
  'nats-bench',
  'transnas-bench-101',
  'hw-nas-bench',
  'naslib',
] as const
export type TableLayout = (typeof tableLayouts)[number]

type Reader = (
  path: string,
  dataset: string | undefined,
  fidelities: readonly number[],
) => readonly TableRow[] | Promise<readonly TableRow[]>

const readers: Readonly<Record<TableLayout, Reader>> = {
  'nas-bench-101': (path) => nasBench101Rows(path),
  'nas-bench-301': nasBench301Rows,
  'nats-bench': (path, dataset) => natsBenchRows(path, dataset),
  'transnas-bench-101': (path, dataset) => transNasBenchRows(path, dataset),
  'hw-nas-bench': (path, dataset) => hwNasBenchRows(path, dataset),
  naslib: (path, dataset) => naslibRows(path, dataset),
}

/**
 * The rows of a published file or folder.
 * @param dataset the data set, task or setting, where the file holds several.
 * @param fidelities shares of the training for further rows, in the layout nas-bench-301.
 * Errors: ARCHLOOM_TABLE_NOT_FOUND, ARCHLOOM_TABLE_CORRUPT, ARCHLOOM_TABLE_DATASET_UNKNOWN.
 */
export async function publishedRows(
  layout: TableLayout,
  path: string,
  dataset?: string,
  fidelities: readonly number[] = [],
): Promise<readonly TableRow[]> {
  try {
    return await readers[layout](path, dataset, fidelities)
  } catch (cause) {
    if (!isOfFiles(cause)) throw cause
    const remedy = `${cause.message}. Name a file or folder that can be read.`
    throw error('ARCHLOOM_TABLE_NOT_FOUND', { table: layout, looked: [path], remedy }, { cause })
  }
}

/** What the file system refuses, such as a file that is missing, or a folder where a file is expected. */
const isOfFiles = (thrown: unknown): thrown is NodeJS.ErrnoException =>
  thrown instanceof Error && 'syscall' in thrown && 'errno' in thrown
