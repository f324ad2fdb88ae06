import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ArchloomError, declarePlugin, messageOf, registerStudies, type Studies } from '../../core/index.ts'
import { checkStudyName, freshName, lockHolder, releaseLock, studyError, takeLock } from '../../core/node/stores.ts'
import { among, type OptionsOf, optionError, options } from '../../core/options/index.ts'
import type { Database } from './driver.ts'
import { openDatabase } from './open.ts'
import { inTransaction } from './schema.ts'
import { sqliteStore } from './store.ts'

export const declared = options('sqliteStudies', {
  fsync: among(['never', 'trial'], {
    default: 'never',
    doc: "When to force events to the disk itself. A killed process never loses one either way; a power cut may cost the last seconds with `'never'`, and damages nothing. `'trial'` forces after each trial that ended.",
  }),
})
export type SqliteOptions = OptionsOf<typeof declared>

declarePlugin({ name: 'sqlite', kind: 'store', does: 'Keeps studies in one SQLite file.', options: declared })

/**
 * Studies in one SQLite file, which is created if it does not exist and also holds the artifacts. Many processes may
 * write different studies of it. Errors of its methods, besides those of `Studies`: ARCHLOOM_SQLITE_MISSING,
 * ARCHLOOM_SQLITE_FILE, ARCHLOOM_STORAGE_NEWER.
 */
export function sqliteStudies(file: string, given: SqliteOptions = {}): Studies {
  const { fsync } = declared.read(given)
  if (typeof file !== 'string' || file === '') throw optionError('sqliteStudies', 'file', file, 'the name of a file')
  const url = `sqlite:${file}`
  const locationOf = (name: string) => `${url}#${name}`
  /** The lock is a file, so the lock of a process that has died is recognised as stale. */
  const lockOf = (id: number) => `${resolve(file)}-lock-${id}`

  const reopen = () => openDatabase(file, url)

  const idOf = (database: Database, name: string): number | undefined => {
    const id = database.prepare('SELECT id FROM archloom_studies WHERE name = ?').get(name)?.id
    return id === undefined ? undefined : Number(id)
  }
  const namesIn = (database: Database) =>
    database
      .prepare('SELECT name FROM archloom_studies ORDER BY name')
      .all()
      .map(({ name }) => String(name))
  const notFound = (name: string, known: readonly string[]) =>
    studyError('ARCHLOOM_STUDY_NOT_FOUND', { path: locationOf(name), known })

  async function withDatabase<T>(absent: T | (() => T), body: (database: Database) => T): Promise<T> {
    if (!existsSync(file)) return absent instanceof Function ? absent() : absent
    const database = await openDatabase(file, url)
    try {
      return body(database)
    } finally {
      database.close()
    }
  }

  /** The number of an existing study, or of a new one. */
  const admit = (database: Database, wanted: string, fresh: boolean) =>
    inTransaction(database, () => {
      const name = fresh ? freshName(wanted, (candidate) => idOf(database, candidate) !== undefined) : wanted
      const known = idOf(database, name)
      if (known !== undefined) return { name, id: known }
      database.prepare('INSERT INTO archloom_studies (name) VALUES (?)').run(name)
      return { name, id: idOf(database, name)! }
    })

  /** Locks a study for writing. */
  function claim(database: Database, wanted: string, fresh: boolean): { name: string; id: number } {
    for (;;) {
      const claimed = admit(database, wanted, fresh)
      const by = takeLock(lockOf(claimed.id))
      if (by !== undefined) throw studyError('ARCHLOOM_STUDY_LOCKED', { study: claimed.name, by })
      // Its last writer may have removed it, because it was empty, before this process had the lock.
      if (idOf(database, claimed.name) === claimed.id) return claimed
      releaseLock(lockOf(claimed.id))
    }
  }

  return {
    url,
    list: () => withDatabase<readonly string[]>([], namesIn),
    async open(name, { mode = 'read', fresh = false } = {}) {
      checkStudyName(name)
      if (mode === 'read' && !existsSync(file)) throw notFound(name, [])
      const database = await openDatabase(file, url)
      try {
        if (mode === 'read') {
          const id = idOf(database, name)
          if (id === undefined) throw notFound(name, namesIn(database))
          return sqliteStore({ database, reopen, file, location: locationOf(name), name, id })
        }
        const claimed = claim(database, name, fresh)
        const release = () => releaseLock(lockOf(claimed.id))
        try {
          return sqliteStore({
            database,
            reopen,
            file,
            location: locationOf(claimed.name),
            ...claimed,
            writer: { fsync, release },
          })
        } catch (thrown) {
          release()
          throw thrown
        }
      } catch (thrown) {
        database.close()
        if (ArchloomError.is(thrown)) throw thrown
        throw studyError('ARCHLOOM_STUDY_NOT_WRITABLE', { path: url, message: messageOf(thrown) }, { cause: thrown })
      }
    },
    isWritten: (name) =>
      withDatabase(false, (database) => {
        const id = idOf(database, name)
        return id !== undefined && lockHolder(lockOf(id)) !== undefined
      }),
    async remove(name) {
      checkStudyName(name)
      await withDatabase(
        () => {
          throw notFound(name, [])
        },
        (database) => {
          const id = idOf(database, name)
          if (id === undefined) throw notFound(name, namesIn(database))
          const by = takeLock(lockOf(id))
          if (by !== undefined) throw studyError('ARCHLOOM_STUDY_LOCKED', { study: name, by })
          try {
            inTransaction(database, () => void database.prepare('DELETE FROM archloom_studies WHERE id = ?').run(id))
          } finally {
            releaseLock(lockOf(id))
          }
        },
      )
    },
  }
}

/** `sqlite:file.db`, `sqlite:///folder/file.db`, with `?fsync=trial`. */
registerStudies('sqlite', (url) => {
  const [place = '', query = ''] = url.slice('sqlite:'.length).split('?')
  const file = place.startsWith('///') ? fileURLToPath(`file:${place}`) : place
  return sqliteStudies(file, declared.read(Object.fromEntries(new URLSearchParams(query)) as SqliteOptions))
})
