import { defineErrors, quote } from '../errors.ts'

/** What may be wrong with a database that holds studies. */
export const error = defineErrors('storage', {
  ARCHLOOM_STORAGE_CORRUPT: (d: { location: string; seq: number; received: string }) =>
    `event ${d.seq} of ${quote(d.location)} is missing, or is ${quote(d.received, 80)}; expected one row of JSON for each event. Restore the database from a copy.`,
  ARCHLOOM_STORAGE_NEWER: (d: { location: string; received: unknown; expected: number }) =>
    `the studies at ${quote(d.location)} have schema version ${quote(d.received)}; expected at most ${d.expected}, for a newer version of archloom has written them. Update archloom, or use another database.`,
})
