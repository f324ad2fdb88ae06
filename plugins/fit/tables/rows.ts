/** Rows for a model of a table. */
import { type Preprocessing, type Row, readTable, recordsOf } from '../../../evaluators/tables/index.ts'
import { error } from '../errors.ts'

/** Refuses rows that hold no column of the model, all of which would get the same prediction. Error: ARCHLOOM_FIT_DATA. */
export function checkColumns(rows: readonly Row[], { columns }: Preprocessing): void {
  const names = columns.map(({ name }) => name)
  if (rows.length === 0 || names.length === 0 || rows.some((row) => names.some((name) => name in row))) return
  throw error('ARCHLOOM_FIT_DATA', {
    received: `rows with the columns ${Object.keys(rows[0]!).join(', ')}`,
    expected: `the columns ${names.join(', ')}, which the model was trained on`,
  })
}

/**
 * Rows to predict, given as they are or as the file of a table. A file with rows that cannot be read is refused, because the
 * predictions would no longer stand beside their rows. Error: ARCHLOOM_FIT_DATA.
 */
export async function rowsToPredict(inputs: readonly Row[] | string, plan: Preprocessing): Promise<readonly Row[]> {
  const rows = typeof inputs === 'string' ? await wholeRows(inputs) : inputs
  checkColumns(rows, plan)
  return rows
}

/** The rows of a table's file, all of them. Error: ARCHLOOM_FIT_DATA. */
export async function wholeRows(path: string): Promise<Row[]> {
  const table = await readTable(path)
  const { leftOut = [], columns } = table
  if (leftOut.length > 0)
    throw error('ARCHLOOM_FIT_DATA', {
      received: `${path}, where ${leftOut.length} rows (row ${leftOut.slice(0, 5).join(', ')}) have a different number of fields than the header`,
      expected: `${columns.length} fields in each row, so that each gets a prediction`,
    })
  return recordsOf(table)
}
