/** A PostgreSQL server of a test's own on the loopback interface, in a folder that goes with it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** The folder of PostgreSQL's programs; undefined where there are none. */
export const programs: string | undefined = (() => {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
})()

/** A server refuses to run as root: then it runs as a user that may nothing else. */
const strangerOf = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const id = (what: string, user: string) => Number(execFileSync('id', [what, user], { encoding: 'utf8' }))
  for (const user of ['postgres', 'nobody'])
    try {
      return { uid: id('-u', user), gid: id('-g', user) }
    } catch {}
  return undefined
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

export interface Cluster {
  readonly port: number
  readonly folder: string
  /** `postgres://archloom:secret@127.0.0.1:PORT/postgres`, with a schema of its own where one is named. */
  url(schema?: string): string
  /** A schema without tables. */
  makeSchema(): Promise<string>
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  start(): Promise<void>
  /** `kill -9` of the whole server. */
  kill(): Promise<void>
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Makes and starts a server that asks for a password. `settings` are those of postgresql.conf. */
export async function postgresCluster(settings: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const bin = programs
  if (bin === undefined) throw new Error('PostgreSQL is not installed')
  const user = strangerOf()
  const folder = mkdtempSync(join(tmpdir(), 'archloom-postgres-'))
  chmodSync(folder, 0o700)
  if (user) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const port = await freePort()
  const options = { ...user, cwd: folder, env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8' } }
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'archloom', '-A', 'trust', '--no-sync', '-E', 'UTF8'], {
    ...options,
    stdio: 'ignore',
  })
  let server: ChildProcess | undefined
  let log = ''
  let schemas = 0
  const url = (schema?: string) => {
    const place = `postgres://archloom:secret@127.0.0.1:${port}/postgres`
    return schema === undefined ? place : `${place}?options=${encodeURIComponent(`-c search_path=${schema}`)}`
  }
  const query = async (sql: string) => {
    const client = new pg.Client({ connectionString: url() })
    client.on('error', () => {})
    await client.connect()
    try {
      const { rows } = await client.query(sql)
      return rows as Readonly<Record<string, unknown>>[]
    } finally {
      await client.end()
    }
  }
  const ended = (child: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve()
      else child.on('exit', () => resolve())
    })
  async function start(): Promise<void> {
    const given = { listen_addresses: '127.0.0.1', unix_socket_directories: folder, port: String(port), ...settings }
    const flags = Object.entries(given).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    for (let tries = 0; tries < 300; tries++) {
      if (!server || server.exitCode !== null || server.signalCode !== null) {
        // Also after a kill, when the last processes of the server before it are still ending.
        server = spawn(join(bin as string, 'postgres'), ['-D', data, ...flags], {
          ...options,
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        server.stderr?.on('data', (chunk: Buffer) => {
          log = (log + chunk.toString()).slice(-4000)
        })
      }
      try {
        await query('SELECT 1')
        return
      } catch {
        await sleep(100)
      }
    }
    throw new Error(`PostgreSQL does not start: ${log}`)
  }
  const signal = async (name: NodeJS.Signals) => {
    const child = server
    if (!child) return
    child.kill(name)
    await ended(child)
    server = undefined
  }
  const stopWithUs = () => void server?.kill('SIGQUIT')
  process.on('exit', stopWithUs)
  await start()
  await query("ALTER USER archloom PASSWORD 'secret'")
  return {
    port,
    folder,
    url,
    query,
    start,
    async makeSchema() {
      const schema = `s${++schemas}`
      await query(`CREATE SCHEMA ${schema}`)
      return schema
    },
    kill: () => signal('SIGKILL'),
    stop: () => signal('SIGINT'),
    async [Symbol.asyncDispose]() {
      await signal('SIGQUIT')
      process.off('exit', stopWithUs)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
