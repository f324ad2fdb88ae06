import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { Artifacts, SearchEvent, Store } from '../../core/index.ts'
import {
  artifactParts,
  checkArtifactName,
  decodeRow,
  encodeEvent,
  endTrials,
  followRows,
  notifier,
  studyError,
} from '../../core/node/stores.ts'
import { inTransaction } from './schema.ts'
import type { Writer } from './writer.ts'

const SELECT = 'SELECT seq, body FROM archloom_events WHERE study = $1 AND seq >= $2 ORDER BY seq LIMIT $3'
/** Number of rows that one query reads. */
const BATCH = 5000
/** Interval at which a follower asks for new events. */
const POLL_MS = 200

/** Runs a function with a connection that several readers share. */
export type Connected = <T>(act: (client: ClientBase) => Promise<T>) => Promise<T>

export interface StoreParts {
  readonly connected: Connected
  readonly location: string
  readonly name: string
  readonly id: number
  /** Present only if the study was opened for writing. */
  readonly writer?: Writer
}

/** One study of a database. */
export function postgresStore({ connected, location, name, id, writer }: StoreParts): Store {
  const { notify, wait } = notifier()
  let isOpen = true

  async function* read(from = 0): AsyncGenerator<readonly SearchEvent[], void, void> {
    for (let next = Math.max(0, from); ; ) {
      const { rows } = await connected((client) =>
        client.query<{ seq: number; body: string }>(SELECT, [id, next, BATCH]),
      )
      if (rows.length === 0) return
      yield rows.map(({ seq, body }) => decodeRow(location, seq, next++, body))
      if (rows.length < BATCH) return
    }
  }

  async function changed(signal: AbortSignal): Promise<void> {
    const turn = new AbortController()
    const done = () => turn.abort()
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
    try {
      await Promise.race([wait(turn.signal), sleep(POLL_MS, undefined, { signal: turn.signal }).catch(() => {})])
    } finally {
      signal.removeEventListener('abort', done)
      turn.abort()
    }
  }

  return {
    name,
    location,
    notes: [],
    async append(events) {
      if (!isOpen) throw studyError('ARCHLOOM_STUDY_CLOSED', { study: name })
      if (!writer)
        throw studyError('ARCHLOOM_STUDY_NOT_WRITABLE', {
          path: location,
          message: 'the study was opened for reading',
        })
      await writer.append(events.map(encodeEvent), endTrials(events))
      notify()
    },
    read,
    tail: (from, signal) => followRows(read, from, signal, changed),
    artifacts: postgresArtifacts(connected, id, location),
    async close() {
      if (!isOpen) return
      isOpen = false
      if (!writer) return
      try {
        // A search that never ran leaves no study behind.
        if (writer.length === 0) await connected((client) => client.query(REMOVE_EMPTY, [id]))
      } catch {
        // If it cannot be removed, the study is listed as empty.
      } finally {
        await writer.close()
      }
    },
  }
}

const REMOVE_EMPTY = `DELETE FROM archloom_studies WHERE id = $1
  AND NOT EXISTS (SELECT 1 FROM archloom_events WHERE study = $1)
  AND NOT EXISTS (SELECT 1 FROM archloom_artifacts WHERE study = $1)`

function postgresArtifacts(connected: Connected, id: number, location: string): Artifacts {
  const attempt = async <T>(act: (client: ClientBase) => Promise<T>): Promise<T> => {
    try {
      return await connected(act)
    } catch (cause) {
      if (ArchloomError.is(cause)) throw cause
      throw studyError('ARCHLOOM_STUDY_NOT_WRITABLE', { path: location, message: messageOf(cause) }, { cause })
    }
  }
  const REMOVE = 'DELETE FROM archloom_artifacts WHERE study = $1 AND name = $2'
  return {
    async write(name, data) {
      checkArtifactName(name)
      await attempt((client) =>
        inTransaction(client, async () => {
          // Two processes that write the same artifact do so one after the other.
          await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [id, name])
          await client.query(REMOVE, [id, name])
          for (const [part, bytes] of artifactParts(data).entries())
            await client.query('INSERT INTO archloom_artifacts (study, name, part, data) VALUES ($1, $2, $3, $4)', [
              id,
              name,
              part,
              Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
            ])
        }),
      )
    },
    async read(name) {
      checkArtifactName(name)
      const parts: Uint8Array[] = []
      const select = 'SELECT data FROM archloom_artifacts WHERE study = $1 AND name = $2 AND part = $3'
      // One snapshot, so that all parts are of the same version.
      await attempt(async (client) => {
        parts.length = 0
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
        try {
          for (let part = 0; ; part++) {
            const { rows } = await client.query<{ data: Buffer }>(select, [id, name, part])
            if (!rows[0]) break
            parts.push(rows[0].data)
          }
        } finally {
          await client.query('COMMIT')
        }
      })
      return parts.length === 0 ? undefined : Uint8Array.from(Buffer.concat(parts))
    },
    async remove(name) {
      checkArtifactName(name)
      await attempt((client) => client.query(REMOVE, [id, name]))
    },
    async list() {
      const { rows } = await attempt((client) =>
        client.query<{ name: string }>('SELECT DISTINCT name FROM archloom_artifacts WHERE study = $1 ORDER BY name', [
          id,
        ]),
      )
      return rows.map(({ name }) => name)
    },
  }
}
