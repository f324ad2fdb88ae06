export { type FileTableOptions, fileTable, readRows, rowsAsCsv } from './file-table.ts'
export {
  type NasBench201Cell,
  type NasBench201Table,
  type NasBench201TableOptions,
  nasBench201Table,
} from './nas-bench-201.ts'
export { type NasBenchMacroNetwork, type NasBenchMacroTable, nasBenchMacroTable } from './nas-bench-macro.ts'
export {
  hwNasBenchRows,
  nasBench101Key,
  nasBench101Rows,
  nasBench301Rows,
  naslibRows,
  natsBenchRows,
  publishedRows,
  type TableLayout,
  type TableRow,
  tableLayouts,
  transNasBenchRows,
} from './published/index.ts'
export type { TableFileOptions } from './read-table.ts'
export { type RowsOptions, type Table, tableOf, tabular } from './table.ts'
