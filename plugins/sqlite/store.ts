import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { Artifacts, SearchEvent, Store } from '../../core/index.ts'
import {
  artifactParts,
  checkArtifactName,
  decodeRow,
  encodeEvent,
  endTrials,
  folderChange,
  followRows,
  notifier,
  studyError,
} from '../../core/node/stores.ts'
import type { Database } from './driver.ts'
import { inTransaction, settle } from './schema.ts'

const SELECT = 'SELECT seq, body FROM archloom_events WHERE study = ? AND seq >= ? ORDER BY seq LIMIT ?'
/** Number of rows that one query reads. A transaction that stays open would keep SQLite from truncating its log. */
const BATCH = 2000
/** Interval at which a store checks whether its file still exists. */
const LOOK_MS = 50

export interface StoreParts {
  readonly database: Database
  /** Opens a connection for reads after the study was closed. */
  reopen(): Promise<Database>
  readonly file: string
  readonly location: string
  readonly name: string
  readonly id: number
  /** Present only if the study was opened for writing. */
  readonly writer?: {
    readonly fsync: 'never' | 'trial'
    /** Releases the study. */
    release(): void
  }
}

/** One study of a database. */
export function sqliteStore({ database, reopen, file, location, name, id, writer }: StoreParts): Store {
  const { notify, wait } = notifier()
  const notWritable = (message: string, cause?: unknown) =>
    studyError('ARCHLOOM_STUDY_NOT_WRITABLE', { path: location, message }, { cause })
  const insert = database.prepare('INSERT INTO archloom_events (study, seq, body) VALUES (?, ?, ?)')
  const last = database.prepare('SELECT max(seq) AS seq FROM archloom_events WHERE study = ?').get(id)?.seq
  let length = typeof last === 'number' ? last + 1 : 0
  let isOpen = true
  let lookedAt = 0
  const { ino, dev } = statSync(file)

  /** SQLite continues with a file that has been deleted, so its writes would be lost. */
  function checkFile(): void {
    if (performance.now() - lookedAt < LOOK_MS) return
    lookedAt = performance.now()
    const now = statSync(file, { throwIfNoEntry: false })
    if (now?.ino !== ino || now.dev !== dev) throw studyError('ARCHLOOM_STUDY_REMOVED', { study: name })
  }

  function refusal(cause: unknown): unknown {
    if (ArchloomError.is(cause)) return cause
    const message = messageOf(cause)
    if (/FOREIGN KEY/.test(message)) return studyError('ARCHLOOM_STUDY_REMOVED', { study: name }, { cause })
    if (/UNIQUE|PRIMARY KEY/.test(message))
      return studyError('ARCHLOOM_STUDY_LOCKED', { study: name, by: 'another process' }, { cause })
    return notWritable(message, cause)
  }

  async function connected<T>(body: (database: Database) => T): Promise<T> {
    if (isOpen) return body(database)
    const again = await reopen()
    try {
      return body(again)
    } finally {
      again.close()
    }
  }

  async function* read(from = 0): AsyncGenerator<readonly SearchEvent[], void, void> {
    for (let next = Math.max(0, from); ; ) {
      const rows = await connected((database) => database.prepare(SELECT).all(id, next, BATCH))
      if (rows.length === 0) return
      yield rows.map(({ seq, body }) => decodeRow(location, Number(seq), next++, String(body)))
      if (rows.length < BATCH) return
    }
  }

  return {
    name,
    location,
    notes: [],
    append(events) {
      if (!isOpen) throw studyError('ARCHLOOM_STUDY_CLOSED', { study: name })
      if (!writer) throw notWritable('the study was opened for reading')
      const isForced = writer.fsync === 'trial' && endTrials(events)
      try {
        checkFile()
        if (isForced) database.exec('PRAGMA synchronous = FULL')
        const from = length
        inTransaction(database, () => {
          for (const [i, event] of events.entries()) insert.run(id, from + i, encodeEvent(event))
        })
        length = from + events.length
      } catch (cause) {
        throw refusal(cause)
      } finally {
        if (isForced) database.exec('PRAGMA synchronous = NORMAL')
      }
      notify()
    },
    read,
    tail: (from, signal) => followRows(read, from, signal, (turn) => folderChange(dirname(resolve(file)), turn, wait)),
    artifacts: sqliteArtifacts(connected, id, refusal),
    close() {
      if (!isOpen) return
      isOpen = false
      try {
        // A search that never ran leaves no study behind.
        if (writer && length === 0)
          database
            .prepare(
              'DELETE FROM archloom_studies WHERE id = ? AND NOT EXISTS (SELECT 1 FROM archloom_artifacts WHERE study = id)',
            )
            .run(id)
      } catch {
        // If it cannot be removed, the study is listed as empty.
      } finally {
        if (writer) settle(database)
        else database.close()
        writer?.release()
      }
    },
  }
}

type Connected = <T>(body: (database: Database) => T) => Promise<T>

function sqliteArtifacts(connected: Connected, id: number, refusal: (cause: unknown) => unknown): Artifacts {
  const attempt = async <T>(body: (database: Database) => T): Promise<T> => {
    try {
      return await connected(body)
    } catch (cause) {
      throw refusal(cause)
    }
  }
  const remove = (database: Database, name: string) =>
    void database.prepare('DELETE FROM archloom_artifacts WHERE study = ? AND name = ?').run(id, name)
  return {
    async write(name, data) {
      checkArtifactName(name)
      await attempt((database) =>
        inTransaction(database, () => {
          remove(database, name)
          const insert = database.prepare(
            'INSERT INTO archloom_artifacts (study, name, part, data) VALUES (?, ?, ?, ?)',
          )
          for (const [part, bytes] of artifactParts(data).entries()) insert.run(id, name, part, bytes)
        }),
      )
    },
    async read(name) {
      checkArtifactName(name)
      const rows = await attempt((database) =>
        database
          .prepare('SELECT data FROM archloom_artifacts WHERE study = ? AND name = ? ORDER BY part')
          .all(id, name),
      )
      const parts = rows.flatMap(({ data }) => (data instanceof Uint8Array ? [data] : []))
      return rows.length === 0 ? undefined : Uint8Array.from(Buffer.concat(parts))
    },
    async remove(name) {
      checkArtifactName(name)
      await attempt((database) => inTransaction(database, () => remove(database, name)))
    },
    async list() {
      const rows = await attempt((database) =>
        database.prepare('SELECT DISTINCT name FROM archloom_artifacts WHERE study = ? ORDER BY name').all(id),
      )
      return rows.map(({ name }) => String(name))
    },
  }
}
