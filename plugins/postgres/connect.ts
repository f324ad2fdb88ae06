import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientConfig } from 'pg'
import { ArchloomError, messageOf } from '../../core/errors.ts'
import { withoutPassword } from '../../core/node/stores.ts'
import { error } from './errors.ts'

type Driver = typeof import('pg')

/** Imports a module by name; a parameter, so that a test can simulate a missing one. */
export type Importer = (name: string) => Promise<unknown>

const importModule: Importer = (name) => import(name)

/** Error: ARCHLOOM_POSTGRES_MISSING. */
export async function loadDriver(load: Importer = importModule): Promise<Driver> {
  try {
    const module = (await load('pg')) as Driver & { readonly default?: Driver }
    return module.default ?? module
  } catch (cause) {
    const reason = messageOf(cause).split('\n')[0] ?? ''
    throw error('ARCHLOOM_POSTGRES_MISSING', { packages: ['pg'], reason }, { cause })
  }
}

/** The name of this process on the server, so that an error can say who holds a study. */
export const applicationName = (): string => `archloom ${hostname()}:${process.pid} ${randomUUID().slice(0, 8)}`

/** Time after which a statement's connection is regarded as lost. */
const ANSWER_MS = 60_000
const CONNECT_MS = 10_000

/** The server notices within half a minute that a client's machine is gone, and releases its studies. */
const KEEPALIVE = `SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`

export const configOf = (url: string, name: string): ClientConfig => ({
  connectionString: url,
  application_name: name,
  connectionTimeoutMillis: CONNECT_MS,
  query_timeout: ANSWER_MS,
  keepAlive: true,
})

/** Opens a separate connection. Errors: ARCHLOOM_POSTGRES_UNREACHABLE, ARCHLOOM_POSTGRES_REFUSED. */
export async function connect(url: string, name = applicationName()): Promise<Client> {
  const driver = await loadDriver()
  try {
    const client = new driver.Client(configOf(url, name))
    // A pending statement is rejected with the error; an idle connection that ends is noticed by its next statement.
    client.on('error', () => {})
    await client.connect()
    await client.query(KEEPALIVE)
    return client
  } catch (cause) {
    throw refusalOf(url, cause)
  }
}

const codeOf = (cause: unknown): string =>
  typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : ''

/** Whether the server has answered in a way that a retry cannot change: wrong password, no such database, no TLS. */
const isRefusal = (cause: unknown) =>
  /^(28|3D|42501)/.test(codeOf(cause)) || /SSL|certificate|password/i.test(messageOf(cause))

/** Whether the connection is gone, or the server is starting or stopping, so that a new connection may succeed. */
export const isLost = (cause: unknown): boolean => {
  if (ArchloomError.is(cause)) return cause.code === 'ARCHLOOM_POSTGRES_UNREACHABLE'
  return (
    /^(08|57P0|53300)/.test(codeOf(cause)) ||
    /^E[A-Z]+$/.test(codeOf(cause)) ||
    /terminated|timeout|not queryable|closed|socket|Connection/i.test(messageOf(cause))
  )
}

export function refusalOf(url: string, cause: unknown, seconds = 0): ArchloomError {
  if (ArchloomError.is(cause)) return cause
  const details = { url: withoutPassword(url), message: reasonOf(cause) }
  if (isRefusal(cause)) return error('ARCHLOOM_POSTGRES_REFUSED', details, { cause })
  return error('ARCHLOOM_POSTGRES_UNREACHABLE', { ...details, seconds }, { cause })
}

/** If several addresses were tried, Node reports them in one error without a message. */
export const reasonOf = (cause: unknown): string =>
  cause instanceof AggregateError ? cause.errors.map(messageOf).join('; ') : messageOf(cause)

const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [50, 2000]

/** The server is reachable, but is starting or stopping. */
export const isRestarting = (cause: unknown): boolean =>
  /^57P0/.test(codeOf(cause)) || (ArchloomError.is(cause) && cause.cause !== undefined && isRestarting(cause.cause))

/**
 * Runs a function that needs the database, and retries it while the connection is lost, for `patience` seconds.
 * Errors: ARCHLOOM_POSTGRES_UNREACHABLE after that, and all errors that are not caused by the connection.
 */
export async function insist<T>(
  url: string,
  patience: (cause: unknown) => number,
  act: (isFirst: boolean) => Promise<T>,
): Promise<T> {
  const began = performance.now()
  for (let pause = 0, isFirst = true; ; isFirst = false) {
    try {
      return await act(isFirst)
    } catch (cause) {
      if (!isLost(cause)) throw cause
      pause = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, 2 * pause))
      const [spent, seconds] = [(performance.now() - began + pause) / 1000, patience(cause)]
      if (spent > seconds) throw refusalOf(url, ArchloomError.is(cause) ? (cause.cause ?? cause) : cause, seconds)
      await sleep(pause)
    }
  }
}
