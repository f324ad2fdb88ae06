import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('sqlite', {
  ARCHLOOM_SQLITE_MISSING: (d: { node: string; packages: readonly string[]; reason: string }) =>
    `Node ${d.node} has no built-in SQLite, and ${quote(d.packages)} cannot be loaded: ${d.reason}. Run "npm install ${d.packages.join(' ')}", or use Node 22.13 or later.`,
  ARCHLOOM_SQLITE_FILE: (d: { file: string; message: string }) =>
    `${quote(d.file)} cannot be opened as an SQLite database: ${d.message}. Name a file that archloom has created, or a new file in an existing folder.`,
})
