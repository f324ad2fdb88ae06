import type { Client } from 'pg'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import { studyError } from '../../core/node/stores.ts'
import { applicationName, connect, insist, isLost, refusalOf } from './connect.ts'

/** An event as it is stored. */
export interface Row {
  readonly seq: number
  readonly body: string
  readonly at: number
}

export interface WriterParts {
  readonly url: string
  readonly location: string
  readonly name: string
  readonly id: number
  readonly fsync: 'never' | 'trial'
  readonly reconnectSeconds: number
}

const APPEND = `INSERT INTO archloom_events (study, seq, body)
  SELECT $1, $2 + n - 1, body FROM unnest($3::text[]) WITH ORDINALITY AS given (body, n)`
/** The commit does not wait for the disk. */
const APPEND_UNFORCED = `WITH unforced AS (SELECT set_config('synchronous_commit', 'off', true))
  INSERT INTO archloom_events (study, seq, body)
  SELECT $1, $2 + n - 1, body FROM unforced, unnest($3::text[]) WITH ORDINALITY AS given (body, n)`

/** A commit that waits for the disk, including all earlier commits. */
const FORCE = 'UPDATE archloom_studies SET name = name WHERE id = $1'

/** The server writes data that was not forced within three rounds of 200 ms; the writer keeps it for this time. */
const KEEP_MS = 10_000

/** The lock of a study: an advisory one of its connection, so it is released when the connection ends. */
export const LOCK = 'archloom_studies'
const TAKE = `SELECT pg_try_advisory_lock('${LOCK}'::regclass::oid::int, $1) AS taken`
const HOLDER = `SELECT l.pid, a.application_name AS name, a.client_addr AS address
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid = '${LOCK}'::regclass::oid AND l.objid = $1::int::oid`

interface Holder {
  readonly pid: number
  readonly name: string | null
  readonly address: string | null
}

export async function holderOf(client: Pick<Client, 'query'>, id: number): Promise<Holder | undefined> {
  const { rows } = await client.query<Holder>(HOLDER, [id])
  return rows[0]
}

const textOf = (holder: Holder | undefined) =>
  holder
    ? `${holder.name?.replace(/ \w{8}$/, '') || 'a process'}${holder.address ? ` at ${holder.address}` : ''}`
    : 'another process'

/** Locks the study for this connection. Error: ARCHLOOM_STUDY_LOCKED. */
async function take(client: Client, study: string, id: number, own?: string): Promise<void> {
  const { rows } = await client.query<{ taken: boolean }>(TAKE, [id])
  if (rows[0]?.taken) return
  const holder = await holderOf(client, id)
  // The server has not noticed yet that this writer's previous connection is gone.
  if (own !== undefined && holder?.name === own) {
    await client.query('SELECT pg_terminate_backend($1)', [holder.pid])
    throw refusalOf('', new Error('the connection before this one is being closed'))
  }
  throw studyError('ARCHLOOM_STUDY_LOCKED', { study, by: textOf(holder) })
}

/**
 * The writer of a study: one connection that holds the study's lock. A lost connection is replaced, and events that the
 * server had acknowledged without forcing them to its disk are written again if the server has lost them.
 */
export async function openWriter(parts: WriterParts) {
  const { url, location, name, id, fsync, reconnectSeconds } = parts
  const application = applicationName()
  let client = await connect(url, application)
  let length: number
  try {
    await take(client, name, id)
    length = await lengthIn(client, id)
  } catch (thrown) {
    await client.end().catch(() => {})
    throw thrown
  }
  /** Rows that the server has acknowledged and may not have forced to its disk. */
  let unforced: Row[] = []
  let prunedAt = 1000
  /** The last append was refused; its caller has received the error. */
  let isGivenUp = false
  /** Statements run one after another, because a transaction must not be mixed with an append. */
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const result = turn.then(act)
    turn = result.catch(() => {})
    return result
  }

  /** Another connection, with the lock, and with everything that was acknowledged. */
  async function reconnect(rows: readonly Row[]): Promise<void> {
    await client.end().catch(() => {})
    const next = await connect(url, application)
    try {
      await take(next, name, id, application)
      let stored = await lengthIn(next, id)
      const missing = unforced.filter(({ seq }) => seq >= stored)
      if (stored < length && missing[0]?.seq !== stored) throw studyError('ARCHLOOM_STUDY_REMOVED', { study: name })
      if (missing.length > 0) {
        await insert(next, missing, true)
        stored = length
      }
      // The last append may have been executed, although its answer was lost.
      if (stored > length) await expectRows(next, rows, stored)
      client = next
    } catch (thrown) {
      await next.end().catch(() => {})
      throw thrown
    }
  }

  async function expectRows(next: Client, rows: readonly Row[], stored: number): Promise<void> {
    const { rows: found } = await next.query<{ seq: number; body: string }>(
      'SELECT seq, body FROM archloom_events WHERE study = $1 AND seq >= $2 ORDER BY seq',
      [id, length],
    )
    const isOurs = found.length === rows.length && found.every(({ body }, i) => body === rows[i]?.body)
    if (!isOurs) throw studyError('ARCHLOOM_STUDY_LOCKED', { study: name, by: 'another process' })
    length = stored
  }

  async function insert(to: Client, rows: readonly Row[], isForced: boolean): Promise<void> {
    const [first] = rows
    if (!first) return
    const statement = isForced
      ? { name: 'archloom-append', text: APPEND }
      : { name: 'archloom-append-unforced', text: APPEND_UNFORCED }
    await to.query({ ...statement, values: [id, first.seq, rows.map(({ body }) => body)] })
  }

  function refusal(cause: unknown): unknown {
    if (ArchloomError.is(cause)) return cause
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : ''
    if (code === '23503') return studyError('ARCHLOOM_STUDY_REMOVED', { study: name }, { cause })
    if (code === '23505') return studyError('ARCHLOOM_STUDY_LOCKED', { study: name, by: 'another process' }, { cause })
    return studyError('ARCHLOOM_STUDY_NOT_WRITABLE', { path: location, message: messageOf(cause) }, { cause })
  }

  /** Runs a function with the connection, and with a new one if it is lost. */
  const insisting = <T>(act: (client: Client) => Promise<T>, rows: readonly Row[] = []): Promise<T | undefined> =>
    insist(
      url,
      () => reconnectSeconds,
      async (isFirst) => {
        try {
          const before = length
          if (!isFirst) await reconnect(rows)
          // The lost connection had executed it.
          if (length > before) return undefined
          return await act(client)
        } catch (cause) {
          throw isLost(cause) ? cause : refusal(cause)
        }
      },
    )

  return {
    get length() {
      return length
    },
    append(bodies: readonly string[], isForced: boolean): Promise<void> {
      return inTurn(async () => {
        const at = performance.now()
        const rows = bodies.map((body, i) => ({ seq: length + i, body, at }))
        isGivenUp = true
        await insisting((current) => insert(current, rows, isForced && fsync === 'trial'), rows)
        isGivenUp = false
        length = (rows[0]?.seq ?? length) + rows.length
        // A forced commit forces all earlier ones.
        if (isForced && fsync === 'trial') unforced = []
        else unforced.push(...rows)
        if (unforced.length > prunedAt) {
          unforced = unforced.filter((row) => at - row.at < KEEP_MS)
          prunedAt = 2 * unforced.length + 1000
        }
      })
    },
    /** Runs another operation that must not be interleaved with appends. */
    run: <T>(act: (client: Client) => Promise<T>): Promise<T | undefined> => inTurn(() => insisting(act)),
    /** Waits until everything is on the server's disk, because the writer will not be able to write it again. */
    async close(): Promise<void> {
      await turn
      try {
        if (unforced.length > 0 && !isGivenUp) await insisting((current) => current.query(FORCE, [id]))
      } finally {
        await client.end().catch(() => {})
      }
    },
  }
}

export type Writer = Awaited<ReturnType<typeof openWriter>>

async function lengthIn(client: Client, id: number): Promise<number> {
  const { rows } = await client.query<{ length: number }>(
    'SELECT coalesce(max(seq) + 1, 0) AS length FROM archloom_events WHERE study = $1',
    [id],
  )
  return rows[0]?.length ?? 0
}
