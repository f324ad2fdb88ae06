import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readEvents, type SearchEvent, studiesAt } from 'archloom'
import { postgresStudies } from 'archloom/plugins/postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isLost, loadDriver } from '../../../plugins/postgres/connect.ts'
import { migrate, migrations } from '../../../plugins/postgres/schema.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { type Cluster, postgresCluster, programs } from './cluster.ts'

const warning = (seq: number): SearchEvent => ({ seq, at: 1, type: 'search.warning', code: 'X', message: `${seq}` })
const failed = (seq: number): SearchEvent => ({
  seq,
  at: 1,
  type: 'trial.failed',
  trial: 0,
  genotype: [0],
  reason: 'error',
  code: 'X',
  message: '',
  elapsedMs: 1,
})

describe('the address', () => {
  it.each([
    ['postgres://me@host/db?fsinc=trial', /ARCHLOOM_OPTION.*fsinc.*did you mean fsync/],
    ['postgres://me@host/db?sslmod=require', /ARCHLOOM_OPTION.*sslmod.*did you mean sslmode/],
    ['postgres://me@host/db?fsync=always', /ARCHLOOM_OPTION.*always/],
    ['postgres://me@host/db?reconnectSeconds=soon', /ARCHLOOM_OPTION.*reconnectSeconds/],
    ['postgres:db', /ARCHLOOM_OPTION.*postgres:\/\/user@host/],
  ])('%s is refused', async (url, message) => {
    await import('archloom/plugins/postgres')
    await expect(studiesAt(url)).rejects.toThrow(message)
  })

  it('of a server that is not there is an error with a code, at once and without the password', async () => {
    const studies = postgresStudies('postgres://me:hidden@127.0.0.1:1/db')
    expect(studies.url).toBe('postgres://me:…@127.0.0.1:1/db')
    for (const asked of [
      studies.list(),
      studies.open('a'),
      studies.open('a', { mode: 'write' }),
      studies.remove('a'),
    ]) {
      const thrown: unknown = await asked.catch((cause: unknown) => cause)
      expect(String(thrown)).toMatch(/ARCHLOOM_POSTGRES_UNREACHABLE.*127\.0\.0\.1:1.*ECONNREFUSED/)
      expect(String(thrown)).not.toContain('hidden')
    }
  })

  it('needs a package, and says which', async () => {
    const missing = () => Promise.reject(new Error("Cannot find package 'pg'"))
    await expect(loadDriver(missing)).rejects.toThrow(/ARCHLOOM_POSTGRES_MISSING.*"npm install pg"/)
  })
})

describeWhere(programs !== undefined, 'postgres (needs the programs of PostgreSQL)', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await postgresCluster()
  }, 60_000)
  afterAll(() => cluster?.[Symbol.asyncDispose]())

  const place = async (query = '') => postgresStudies(`${cluster.url(await cluster.makeSchema())}${query}`)

  it.each(['never', 'trial'])(
    'a killed server is waited for, and loses nothing acknowledged: fsync %s',
    async (fsync) => {
      const studies = await place(`&fsync=${fsync}`)
      const store = await studies.open('a', { mode: 'write' })
      const stop = new AbortController()
      const seen: number[] = []
      const following = (async () => {
        const reader = await studies.open('a')
        for await (const events of reader.tail(0, stop.signal)) seen.push(...events.map(({ seq }) => seq))
      })()
      let seq = 0
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 10; i++) await store.append([warning(seq++)])
        await cluster.kill()
        const going = store.append([warning(seq++)])
        await cluster.start()
        await going
        await store.append([warning(seq++), failed(seq++)])
      }
      const events = await readEvents(store)
      expect(events.map((event) => event.seq)).toEqual(Array.from({ length: seq }, (_, i) => i))
      while (seen.length < seq) await new Promise((resolve) => setTimeout(resolve, 50))
      stop.abort()
      await following
      expect(seen).toEqual(events.map((event) => event.seq))
      expect(await studies.isWritten('a')).toBe(true)
      await store.close()
      expect(await studies.isWritten('a')).toBe(false)
    },
    120_000,
  )

  it('a connection that is cut is replaced, with its lock', async () => {
    const studies = await place()
    const store = await studies.open('a', { mode: 'write' })
    const cut = () =>
      cluster.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
      )
    for (let seq = 0; seq < 20; seq++) {
      const going = store.append([warning(seq)])
      if (seq % 4 === 0) await cut()
      await going
    }
    await cut()
    await store.append([warning(20)])
    await store.artifacts.write('a', Uint8Array.of(1))
    expect((await readEvents(store)).length).toBe(21)
    await expect(studies.open('a', { mode: 'write' })).rejects.toThrow(/ARCHLOOM_STUDY_LOCKED.*archloom .*:\d+/)
    await store.close()
  })

  it('a server that stays away is an error with a code after a while, and what it holds is there later', async () => {
    const studies = await place('&reconnectSeconds=0.5')
    const store = await studies.open('a', { mode: 'write' })
    await store.append([warning(0)])
    await cluster.stop()
    await expect(store.append([warning(1)])).rejects.toThrow(/ARCHLOOM_POSTGRES_UNREACHABLE.*0\.5 s of retries/)
    await expect(readEvents(store)).rejects.toThrow('ARCHLOOM_POSTGRES_UNREACHABLE')
    await cluster.start()
    await store.append([warning(1)])
    expect((await readEvents(store)).length).toBe(2)
    await store.close()
  }, 60_000)

  it('a study that is deleted, or written by another program, is no longer ours to write', async () => {
    const schema = await cluster.makeSchema()
    const studies = postgresStudies(cluster.url(schema))
    const [gone, stolen] = [
      await studies.open('gone', { mode: 'write' }),
      await studies.open('stolen', { mode: 'write' }),
    ]
    for (const store of [gone, stolen]) await store.append([warning(0)])
    await cluster.query(`DELETE FROM ${schema}.archloom_studies WHERE name = 'gone'`)
    await cluster.query(
      `INSERT INTO ${schema}.archloom_events SELECT id, 1, '{}' FROM ${schema}.archloom_studies WHERE name = 'stolen'`,
    )
    await expect((async () => gone.append([warning(1)]))()).rejects.toThrow('ARCHLOOM_STUDY_REMOVED')
    await expect((async () => stolen.append([warning(1)]))()).rejects.toThrow('ARCHLOOM_STUDY_LOCKED')
    await expect(readEvents(stolen)).rejects.toThrow('ARCHLOOM_STORAGE_CORRUPT')
    for (const store of [gone, stolen]) await store.close()
  })

  it('the schema of a newer version is refused, and that of an older one brought up to date, whole or not at all', async () => {
    const schema = await cluster.makeSchema()
    const store = await postgresStudies(cluster.url(schema)).open('a', { mode: 'write' })
    await store.append([warning(0)])
    await store.close()
    const client = new pg.Client({ connectionString: cluster.url(schema) })
    await client.connect()
    await expect(
      migrate(client, 'here', [...migrations, 'CREATE TABLE added (x int); SELECT * FROM missing']),
    ).rejects.toThrow('missing')
    const next = [...migrations, "ALTER TABLE archloom_studies ADD COLUMN note text NOT NULL DEFAULT 'old'"]
    for (let i = 0; i < 2; i++) await migrate(client, 'here', next)
    expect((await client.query('SELECT name, note FROM archloom_studies')).rows).toEqual([{ name: 'a', note: 'old' }])
    await client.end()
    await expect(postgresStudies(cluster.url(schema)).list()).rejects.toThrow(/ARCHLOOM_STORAGE_NEWER.*2.*at most 1/)
  })

  it('many processes that begin at once make the tables once', async () => {
    const url = cluster.url(await cluster.makeSchema())
    const names = Array.from({ length: 8 }, (_, i) => `study-${i}`)
    const stores = await Promise.all(names.map((name) => postgresStudies(url).open(name, { mode: 'write' })))
    await Promise.all(
      stores.map(async (store) => {
        for (let seq = 0; seq < 50; seq++) await store.append([warning(seq)])
      }),
    )
    for (const store of stores) {
      expect((await readEvents(store)).length).toBe(50)
      await store.close()
    }
    const fresh = await Promise.all(names.map(() => postgresStudies(url).open('new', { mode: 'write', fresh: true })))
    expect(new Set(fresh.map(({ name }) => name)).size).toBe(8)
    for (const store of fresh) await store.close()
    expect(await postgresStudies(url).list()).toEqual(names)
  }, 60_000)

  it('its studies are reached from the command line and hold no process up', async () => {
    const url = cluster.url(await cluster.makeSchema())
    const command = (...args: string[]) =>
      new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
        const child = spawn(process.execPath, ['core/cli/bin.mjs', ...args, '--storage', url, '--json'])
        let [out, err] = ['', '']
        child.stdout.on('data', (chunk: Buffer) => {
          out += chunk.toString()
        })
        child.stderr.on('data', (chunk: Buffer) => {
          err += chunk.toString()
        })
        child.on('close', (code) => resolve({ code, out, err }))
      })
    const run = await command('run', 'test/core/cli/modules/digits.ts', '--study', 'mine', '--trials', '4')
    expect(run.code, run.err).toBe(0)
    expect(run.out + run.err).not.toContain('secret')
    const resumed = await command('resume', 'mine', '--trials', '6')
    expect(JSON.parse(resumed.out)).toMatchObject({ trials: 6, status: 'finished' })
    expect(JSON.parse((await command('ls')).out).studies).toMatchObject([
      { study: 'mine', status: 'finished', trials: 6 },
    ])
    expect((await command('rm', 'mine')).code).toBe(0)
    expect(JSON.parse((await command('ls')).out).studies).toEqual([])
  }, 120_000)

  it('a wrong password, a missing database and a server without TLS are refused with a code, at once', async () => {
    const strict = await strictCluster()
    try {
      const { port } = strict
      for (const url of [
        `postgres://archloom:wrong@127.0.0.1:${port}/postgres`,
        `postgres://archloom:secret@127.0.0.1:${port}/nowhere`,
        `${cluster.url()}?sslmode=verify-full`,
        `postgres://archloom:secret@localhost:${port}/postgres?sslmode=verify-full`,
      ])
        await expect(postgresStudies(url).list(), url).rejects.toThrow('ARCHLOOM_POSTGRES_REFUSED')
    } finally {
      await strict[Symbol.asyncDispose]()
    }
  }, 60_000)

  it('a password from the environment and TLS with a certificate of its own authority', async () => {
    const strict = await strictCluster()
    const before = process.env.PGPASSWORD
    try {
      process.env.PGPASSWORD = 'secret'
      const trusted = `sslmode=verify-full&sslrootcert=${encodeURIComponent(join(strict.folder, 'server.crt'))}`
      const studies = postgresStudies(`postgres://archloom@localhost:${strict.port}/postgres?${trusted}`)
      const store = await studies.open('a', { mode: 'write' })
      await store.append([warning(0)])
      const [row] = await strict.query(
        "SELECT count(*)::int AS n FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE ssl AND application_name LIKE 'archloom %'",
      )
      expect(row?.n).toBeGreaterThan(0)
      await store.close()
    } finally {
      if (before === undefined) delete process.env.PGPASSWORD
      else process.env.PGPASSWORD = before
      await strict[Symbol.asyncDispose]()
    }
  }, 60_000)
})

/** A server that asks for a password and speaks TLS. */
async function strictCluster(): Promise<Cluster> {
  const strict = await postgresCluster()
  const { folder } = strict
  const files = { key: join(folder, 'server.key'), certificate: join(folder, 'server.crt') }
  execFileSync(
    'openssl',
    `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${files.key} -out ${files.certificate}`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  )
  const { uid, gid } = statSync(join(folder, 'data'))
  chmodSync(files.key, 0o600)
  chownSync(files.key, uid, gid)
  for (const setting of [`ssl_key_file = '${files.key}'`, `ssl_cert_file = '${files.certificate}'`, 'ssl = on'])
    await strict.query(`ALTER SYSTEM SET ${setting}`)
  await strict.query(`COPY (SELECT 'host all all all scram-sha-256') TO '${join(folder, 'data', 'pg_hba.conf')}'`)
  await strict.query('SELECT pg_reload_conf()')
  await new Promise((resolve) => setTimeout(resolve, 300))
  return strict
}

it('tells lost connections from mistakes', () => {
  const withCode = (code: string, message = '') => Object.assign(new Error(message), { code })
  for (const lost of [withCode('57P01'), withCode('08006'), withCode('ECONNRESET'), new Error('Connection terminated')])
    expect(isLost(lost), String(lost)).toBe(true)
  for (const mistake of [withCode('23505'), withCode('42P01'), new Error('no space left')])
    expect(isLost(mistake), String(mistake)).toBe(false)
})
