import { publishedRows, rowsAsCsv, type TableLayout } from 'archloom/evaluators/tabular'
import { messageOf } from '../../errors.ts'
import { replaceFileSync } from '../../node/files.ts'
import { error } from '../errors.ts'
import type { Output } from '../output.ts'
import { plural } from '../text.ts'

export interface ConvertFlags {
  readonly from: TableLayout
  readonly dataset?: string | undefined
  /** Further shares of the training, in the layout nas-bench-301. */
  readonly fidelities: readonly number[]
  readonly out: string
  readonly output: Output
}

/** `archloom table convert <file>`: converts a benchmark's published file to CSV, in the layout that fileTable() reads. */
export async function convertTable(
  file: string,
  { from, dataset, fidelities, out, output }: ConvertFlags,
): Promise<number> {
  const rows = await publishedRows(from, file, dataset, fidelities)
  try {
    replaceFileSync(out, rowsAsCsv(rows))
  } catch (cause) {
    throw error('ARCHLOOM_EXPORT_NOT_WRITABLE', { file: out, message: messageOf(cause) }, { cause })
  }
  output.log(`wrote ${plural(rows.length, 'row')} of ${from} to ${out}`)
  output.result({ from, out, rows: rows.length, metrics: Object.keys(rows[0]?.metrics ?? {}) })
  return 0
}
