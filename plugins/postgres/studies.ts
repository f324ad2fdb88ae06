import type { Pool } from 'pg'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import { declarePlugin, registerStudies, type Studies } from '../../core/index.ts'
import { checkStudyName, freshName, studyError, withoutPassword } from '../../core/node/stores.ts'
import { among, nearest, number, type OptionsOf, optionError, options } from '../../core/options/index.ts'
import { applicationName, configOf, insist, isLost, isRestarting, loadDriver, refusalOf } from './connect.ts'
import { inTransaction, migrate } from './schema.ts'
import { type Connected, postgresStore } from './store.ts'
import { holderOf, LOCK, openWriter } from './writer.ts'

export const declared = options('postgresStudies', {
  fsync: among(['never', 'trial'], {
    default: 'never',
    doc: "When an append waits until the server has forced events to its disk. The server does so within a second in any case, and what it loses before that is written again by the search; only a search and a server that die within one second lose it. With `'trial'`, the end of each trial waits for the disk.",
  }),
  reconnectSeconds: number({
    min: 0,
    default: 60,
    doc: 'Seconds for which to try to reconnect after the connection is lost or the server restarts, before the search ends with an error. Nothing is lost meanwhile.',
  }),
})
export type PostgresOptions = OptionsOf<typeof declared>

declarePlugin({ name: 'postgres', kind: 'store', does: 'Keeps studies in a PostgreSQL database.', options: declared })

/** URL parameters that belong to the driver. */
const parameters = new Set(
  `sslmode sslcert sslkey sslrootcert sslnegotiation ssl uselibpqcompat host port user password dbname application_name
   fallback_application_name options client_encoding connect_timeout keepalives keepalives_idle lock_timeout
   statement_timeout idle_in_transaction_session_timeout`.split(/\s+/),
)

/**
 * Splits a URL into the driver's URL and archloom's options. Error: ARCHLOOM_OPTION for a parameter that neither knows.
 */
function split(address: string): { url: string; given: Readonly<Record<string, unknown>> } {
  const [place = '', query = ''] = address.split('?')
  const given: Record<string, unknown> = {}
  const rest = new URLSearchParams()
  for (const [name, value] of new URLSearchParams(query))
    if (Object.hasOwn(declared.fields, name)) given[name] = name === 'reconnectSeconds' ? Number(value) : value
    else if (parameters.has(name)) rest.append(name, value)
    else {
      const known = Object.fromEntries(
        [...Object.keys(declared.fields), ...parameters].map((each) => [each, true as const]),
      )
      const like = nearest(name, known)
      const expected = `a parameter of PostgreSQL URLs, or one of ${Object.keys(declared.fields).join(', ')}`
      throw optionError(
        'postgresStudies',
        name,
        value,
        like === undefined ? expected : `${expected}; did you mean ${like}?`,
      )
    }
  const url = rest.size > 0 ? `${place}?${rest}` : place
  if (!/^postgres(ql)?:\/\//.test(url))
    throw optionError('postgresStudies', 'url', withoutPassword(url), 'postgres://user@host:5432/database')
  return { url, given }
}

/**
 * Studies in a PostgreSQL database, in tables that are created if they do not exist. Processes on any number of
 * machines may write different studies. Parts that are missing in the URL are read from PGHOST, PGUSER, PGPASSWORD and
 * the other variables of PostgreSQL. Errors of its methods, besides those of `Studies`: ARCHLOOM_POSTGRES_MISSING,
 * ARCHLOOM_POSTGRES_UNREACHABLE, ARCHLOOM_POSTGRES_REFUSED, ARCHLOOM_STORAGE_NEWER.
 */
export function postgresStudies(address: string, given: PostgresOptions = {}): Studies {
  declared.read(given)
  const parts = split(String(address))
  const { url } = parts
  const { fsync, reconnectSeconds } = declared.read({ ...parts.given, ...given } as PostgresOptions)
  const shown = withoutPassword(url)
  const locationOf = (name: string) => `${shown}#${name}`

  let pool: Promise<Pool> | undefined
  async function makePool(): Promise<Pool> {
    const { Pool } = await loadDriver()
    // The connection must not keep a process alive.
    const made = new Pool({
      ...configOf(url, applicationName()),
      max: 4,
      idleTimeoutMillis: 5000,
      allowExitOnIdle: true,
    })
    made.on('error', () => {})
    return made
  }

  let isMigrated = false
  /** The first connection fails at once if the server does not answer; later ones are retried for a while. */
  const connected: Connected = (act) =>
    insist(
      url,
      (cause) => (isMigrated || isRestarting(cause) ? reconnectSeconds : 0),
      async () => {
        pool ??= makePool()
        const shared = await pool
        const client = await shared.connect().catch((cause: unknown) => {
          throw refusalOf(url, cause)
        })
        let failure: unknown
        try {
          if (!isMigrated) await migrate(client, shown)
          isMigrated = true
          return await act(client)
        } catch (cause) {
          failure = cause
          throw cause
        } finally {
          client.release(failure !== undefined && isLost(failure))
        }
      },
    )

  const idOf = async (name: string): Promise<number | undefined> => {
    const { rows } = await connected((client) =>
      client.query<{ id: number }>('SELECT id FROM archloom_studies WHERE name = $1', [name]),
    )
    return rows[0]?.id
  }
  const list = async () => {
    const { rows } = await connected((client) =>
      client.query<{ name: string }>('SELECT name FROM archloom_studies ORDER BY name'),
    )
    return rows.map(({ name }) => name)
  }
  const found = async (name: string): Promise<number> => {
    const id = await idOf(name)
    if (id === undefined) throw studyError('ARCHLOOM_STUDY_NOT_FOUND', { path: locationOf(name), known: await list() })
    return id
  }

  /** The number of an existing study, or of a new one. */
  const admit = (wanted: string, fresh: boolean) =>
    connected((client) =>
      inTransaction(client, async () => {
        if (fresh) await client.query('LOCK TABLE archloom_studies IN SHARE ROW EXCLUSIVE MODE')
        const taken = async () => {
          const { rows } = await client.query<{ name: string }>('SELECT name FROM archloom_studies')
          return new Set(rows.map(({ name }) => name))
        }
        const names = fresh ? await taken() : new Set<string>()
        const name = fresh ? freshName(wanted, (candidate) => names.has(candidate)) : wanted
        await client.query('INSERT INTO archloom_studies (name) VALUES ($1) ON CONFLICT DO NOTHING', [name])
        const { rows } = await client.query<{ id: number }>('SELECT id FROM archloom_studies WHERE name = $1', [name])
        return { name, id: rows[0]?.id }
      }),
    )

  return {
    url: shown,
    list,
    async open(wanted, { mode = 'read', fresh = false } = {}) {
      checkStudyName(wanted)
      if (mode === 'read')
        return postgresStore({ connected, location: locationOf(wanted), name: wanted, id: await found(wanted) })
      try {
        for (;;) {
          const { name, id } = await admit(wanted, fresh)
          if (id === undefined) continue
          const location = locationOf(name)
          const writer = await insist(
            url,
            () => reconnectSeconds,
            () => openWriter({ url, location, name, id, fsync, reconnectSeconds }),
          )
          // Its last writer may have removed it, because it was empty, before this process had the lock.
          if ((await idOf(name)) === id) return postgresStore({ connected, location, name, id, writer })
          await writer.close()
        }
      } catch (cause) {
        if (ArchloomError.is(cause)) throw cause
        throw studyError('ARCHLOOM_STUDY_NOT_WRITABLE', { path: shown, message: messageOf(cause) }, { cause })
      }
    },
    async isWritten(name) {
      const id = await idOf(name)
      if (id === undefined) return false
      return (await connected((client) => holderOf(client, id))) !== undefined
    },
    async remove(name) {
      checkStudyName(name)
      const id = await found(name)
      await connected((client) =>
        inTransaction(client, async () => {
          const lock = `SELECT pg_try_advisory_xact_lock('${LOCK}'::regclass::oid::int, $1) AS taken`
          const { rows } = await client.query<{ taken: boolean }>(lock, [id])
          if (!rows[0]?.taken) {
            const holder = await holderOf(client, id)
            throw studyError('ARCHLOOM_STUDY_LOCKED', { study: name, by: holder?.name ?? 'another process' })
          }
          await client.query('DELETE FROM archloom_studies WHERE id = $1', [id])
        }),
      )
    },
  }
}

for (const scheme of ['postgres', 'postgresql']) registerStudies(scheme, (url) => postgresStudies(url))
