import { defineErrors, quote } from '../../core/errors.ts'

const list = (items: readonly string[]) => items.map((item) => `\n  ${item}`).join('')

export const error = defineErrors('tabular', {
  ARCHLOOM_TABLE_NOT_FOUND: (d: { table: string; looked: readonly string[]; remedy: string }) =>
    `the table of ${d.table} was not found.${d.looked.length ? ` Looked for:${list(d.looked)}\n` : ' '}${d.remedy}`,
  ARCHLOOM_TABLE_CORRUPT: (d: { path: string; line?: number; received: string; expected: string }) =>
    `${quote(d.path)}${d.line ? `, line ${d.line},` : ''} holds ${d.received}; expected ${d.expected}. The file is incomplete or has another format: download it again.`,
  ARCHLOOM_TABLE_DATASET_UNKNOWN: (d: { table: string; received: unknown; known: readonly string[] }) =>
    `the table of ${d.table} has no data set ${quote(d.received)}; expected one of ${d.known.join(', ')}.`,
  ARCHLOOM_TABLE_ARCHITECTURE_FORM: (d: { table: string; received: unknown; expected: string }) =>
    `the table of ${d.table} cannot read the architecture ${quote(d.received)}; expected ${d.expected}. Use the table with the search space it was made from.`,
  ARCHLOOM_TABLE_ENTRY_UNKNOWN: (d: { table: string; key: string; size: number }) =>
    `the table of ${d.table} has no architecture ${quote(d.key)} among its ${d.size}. Use the table with the search space it was made from.`,
  ARCHLOOM_TABLE_FIDELITY: (d: { table: string; received: unknown; stored: readonly number[] }) =>
    `the table of ${d.table} has no results at fidelity ${quote(d.received)}; it holds ${d.stored.join(', ')}. Use these fidelities as the rungs of the scheduler.`,
  ARCHLOOM_TABLE_ROW: (d: { table: string; key: string; received: unknown; expected: string }) =>
    `row ${quote(d.key)} of table ${d.table} is ${quote(d.received)}; expected ${d.expected}.`,
})
