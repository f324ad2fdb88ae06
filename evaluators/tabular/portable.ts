/** What `archloom/evaluators/tabular` is in a browser: tables of your own; the published ones are read from files. */
export { type RowsOptions, type Table, tableOf, tabular } from './table.ts'
