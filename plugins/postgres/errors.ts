import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('postgres', {
  ARCHLOOM_POSTGRES_MISSING: (d: { packages: readonly string[]; reason: string }) =>
    `PostgreSQL is reached through ${quote(d.packages)}, which cannot be loaded: ${d.reason}. Run "npm install ${d.packages.join(' ')}".`,
  ARCHLOOM_POSTGRES_UNREACHABLE: (d: { url: string; seconds: number; message: string }) =>
    `the database at ${quote(d.url)} cannot be reached${d.seconds > 0 ? `, even after ${d.seconds} s of retries` : ''}: ${d.message}. Start it or correct the URL; every event before this one is in the database.`,
  ARCHLOOM_POSTGRES_REFUSED: (d: { url: string; message: string }) =>
    `the database at ${quote(d.url)} refused the connection: ${d.message}. Give a user and a password in the URL or in PGUSER and PGPASSWORD, the name of a database that exists, and the sslmode that the server requires.`,
})
