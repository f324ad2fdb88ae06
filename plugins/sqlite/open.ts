import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import { type Database, loadDriver } from './driver.ts'
import { error } from './errors.ts'
import { migrate } from './schema.ts'

/** How long SQLite waits for another process that is writing. */
const BUSY_MS = 10_000

/**
 * Opens the database, creates it if it does not exist, and updates it to the newest schema. Errors:
 * ARCHLOOM_SQLITE_MISSING, ARCHLOOM_SQLITE_FILE, ARCHLOOM_STORAGE_NEWER.
 */
export async function openDatabase(file: string, location: string): Promise<Database> {
  const { DatabaseSync } = await loadDriver()
  let database: Database | undefined
  try {
    mkdirSync(dirname(resolve(file)), { recursive: true })
    database = new DatabaseSync(file)
    prepare(database, location)
    return database
  } catch (cause) {
    database?.close()
    const frozen = existsSync(file) && isReadOnly(cause) ? openFrozen(DatabaseSync, file, location) : undefined
    if (frozen) return frozen
    if (ArchloomError.is(cause)) throw cause
    throw error('ARCHLOOM_SQLITE_FILE', { file, message: messageOf(cause) }, { cause })
  }
}

function prepare(database: Database, location: string): void {
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA foreign_keys = ON`)
  // Readers do not block the writer, and a commit is one write to the end of a file. The file keeps this mode.
  if (database.prepare('PRAGMA journal_mode').get()?.journal_mode !== 'wal') database.exec('PRAGMA journal_mode = WAL')
  // A killed process loses nothing; a power cut damages nothing, but may lose the last seconds.
  database.exec('PRAGMA synchronous = NORMAL')
  // Moving the last changes into the file forces the disk: every 16 MiB.
  database.exec('PRAGMA wal_autocheckpoint = 4000')
  migrate(database, location)
}

const isReadOnly = (cause: unknown): boolean => /readonly|read-only|unable to open|EROFS|EACCES/i.test(messageOf(cause))

/** Opens a database in a read-only folder that no process has open, for reading only. */
function openFrozen(DatabaseSync: new (file: string) => Database, file: string, location: string) {
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) return undefined
  try {
    const database = new DatabaseSync(
      `file:${encodeURI(resolve(file)).replace(/[?#]/g, encodeURIComponent)}?immutable=1`,
    )
    migrate(database, location)
    return database
  } catch {
    return undefined
  }
}
