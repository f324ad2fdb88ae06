import { storageError } from '../../core/node/stores.ts'
import type { Database, Statement } from './driver.ts'

/** The statements that update the schema from each version to the next. Entries are only added, never changed. */
export const migrations: readonly string[] = [
  `CREATE TABLE archloom_studies (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     name TEXT NOT NULL UNIQUE
   );
   CREATE TABLE archloom_events (
     study INTEGER NOT NULL REFERENCES archloom_studies (id) ON DELETE CASCADE,
     seq INTEGER NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (study, seq)
   ) WITHOUT ROWID;
   CREATE TABLE archloom_artifacts (
     study INTEGER NOT NULL REFERENCES archloom_studies (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     part INTEGER NOT NULL,
     data BLOB NOT NULL,
     PRIMARY KEY (study, name, part)
   );`,
]

function versionOf(database: Database): number {
  const table = database.prepare(
    "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'archloom_schema'",
  )
  if (table.get() === undefined) return 0
  return Number(database.prepare('SELECT version FROM archloom_schema').get()?.version ?? 0)
}

/**
 * Updates a database to the newest schema; several processes may try at once. Error: ARCHLOOM_STORAGE_NEWER if a newer
 * version of archloom has written it.
 */
export function migrate(database: Database, location: string, steps: readonly string[] = migrations): void {
  const refuseNewer = (version: number) => {
    if (version > steps.length)
      throw storageError('ARCHLOOM_STORAGE_NEWER', { location, received: version, expected: steps.length })
    return version
  }
  if (refuseNewer(versionOf(database)) === steps.length) return
  inTransaction(database, () => {
    // Another process may have updated the schema meanwhile.
    const version = refuseNewer(versionOf(database))
    if (version === steps.length) return
    for (const step of steps.slice(version)) database.exec(step)
    if (version === 0) database.exec('CREATE TABLE IF NOT EXISTS archloom_schema (version INTEGER NOT NULL)')
    database.exec('DELETE FROM archloom_schema')
    database.prepare('INSERT INTO archloom_schema (version) VALUES (?)').run(steps.length)
  })
}

/**
 * Runs a function in one transaction. It takes the write lock at its beginning, because a transaction that reads
 * first is refused at once if another process has written in between, regardless of its timeout.
 */
export function inTransaction<T>(database: Database, body: () => T): T {
  const { begin, commit, rollback } = transactionOf(database)
  begin.run()
  try {
    const result = body()
    commit.run()
    return result
  } catch (thrown) {
    try {
      rollback.run()
    } catch {
      // SQLite has rolled back automatically, for example because the disk is full.
    }
    throw thrown
  }
}

interface Transaction {
  readonly begin: Statement
  readonly commit: Statement
  readonly rollback: Statement
}
const transactions = new WeakMap<Database, Transaction>()

/** Statements that are prepared once: preparing them takes longer than running them. */
function transactionOf(database: Database): Transaction {
  const known = transactions.get(database)
  if (known) return known
  const made = {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
  }
  transactions.set(database, made)
  return made
}

/**
 * Closes a connection that has written. The database file is then complete without the files beside it, which some
 * drivers would leave until the process ends.
 */
export function settle(database: Database): void {
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // Other connections are using the file; the last of them does this.
  }
  database.close()
}
