import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readEvents, readRecord, type SearchEvent, studiesAt } from 'archloom'
import { sqliteStudies } from 'archloom/plugins/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, loadDriver } from '../../../plugins/sqlite/driver.ts'
import { inTransaction, migrate, migrations } from '../../../plugins/sqlite/schema.ts'

let directory: string
let file: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-sqlite-'))
  file = join(directory, 'studies.db')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const warning = (seq: number): SearchEvent => ({ seq, at: 1, type: 'search.warning', code: 'X', message: '' })
const open = async (): Promise<Database> => new (await loadDriver()).DatabaseSync(file)
const program = new URL('./program.ts', import.meta.url).pathname
const args = ['--conditions=archloom-source', '--import', 'tsx', program]
const written = async (name = 'a', count = 1) => {
  const store = await sqliteStudies(file).open(name, { mode: 'write' })
  await store.append(Array.from({ length: count }, (_, seq) => warning(seq)))
  await store.close()
}
/** Changes the database behind the back of archloom. */
const change = async (sql: string) => {
  const database = await open()
  database.exec(sql)
  database.close()
}

describe('the address', () => {
  it('names a file and takes the options of sqliteStudies', async () => {
    const studies = await studiesAt(`sqlite:${file}?fsync=trial`)
    expect(studies.url).toBe(`sqlite:${file}`)
    const store = await studies.open('a', { mode: 'write' })
    expect(store.location).toBe(`sqlite:${file}#a`)
    const ended = {
      seq: 1,
      at: 1,
      type: 'trial.failed',
      trial: 0,
      genotype: [0],
      reason: 'threw',
      message: '',
    } as const
    await store.append([warning(0)])
    await store.append([ended as unknown as SearchEvent])
    expect((await readEvents(store)).length).toBe(2)
    await store.close()
    expect(await (await studiesAt(`sqlite://${join('/', file)}`)).list()).toEqual(['a'])
  })

  it.each([
    ['sqlite:', /ARCHLOOM_OPTION.*name of a file/],
    ['sqlite:x.db?fsinc=trial', /ARCHLOOM_OPTION.*fsinc.*fsync/],
    ['sqlite:x.db?fsync=always', /ARCHLOOM_OPTION.*always/],
  ])('%s is refused', async (url, message) => {
    await expect(studiesAt(url)).rejects.toThrow(message)
  })

  it('is asked without making a file', async () => {
    const studies = sqliteStudies(file)
    expect(await studies.list()).toEqual([])
    expect(await studies.isWritten('a')).toBe(false)
    await expect(studies.open('a')).rejects.toThrow('ARCHLOOM_STUDY_NOT_FOUND')
    expect(readdirSync(directory)).toEqual([])
  })
})

describe('a file', () => {
  it('that is no database is refused with a code, and left alone', async () => {
    writeFileSync(file, 'no database at all, but a text that somebody needs. '.repeat(100))
    await expect(sqliteStudies(file).open('a', { mode: 'write' })).rejects.toThrow(
      /ARCHLOOM_SQLITE_FILE.*not a database/,
    )
    await expect(sqliteStudies(file).list()).rejects.toThrow('ARCHLOOM_SQLITE_FILE')
    await expect(sqliteStudies(directory).list()).rejects.toThrow('ARCHLOOM_SQLITE_FILE')
  })

  it('is whole without the files beside it once it is closed', async () => {
    await written('a', 5)
    const copy = join(directory, 'copy.db')
    copyFileSync(file, copy)
    const store = await sqliteStudies(copy).open('a')
    expect((await readEvents(store)).length).toBe(5)
    await store.close()
    expect(readdirSync(directory).filter((name) => name.includes('lock'))).toEqual([])
  })

  it('that is deleted while it is written stops the study', async () => {
    const store = await sqliteStudies(file).open('a', { mode: 'write' })
    await store.append([warning(0)])
    for (const name of readdirSync(directory)) rmSync(join(directory, name))
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(() => store.append([warning(1)])).toThrow('ARCHLOOM_STUDY_REMOVED')
    await store.close()
  })

  it('whose study is deleted while it is written stops it', async () => {
    const store = await sqliteStudies(file).open('a', { mode: 'write' })
    await store.append([warning(0)])
    await change("PRAGMA foreign_keys = ON; DELETE FROM archloom_studies WHERE name = 'a'")
    expect(() => store.append([warning(1)])).toThrow('ARCHLOOM_STUDY_REMOVED')
    await store.close()
  })

  it('that another program has written to is no longer ours to write', async () => {
    const store = await sqliteStudies(file).open('a', { mode: 'write' })
    await store.append([warning(0)])
    await change("INSERT INTO archloom_events VALUES (1, 1, '{}')")
    expect(() => store.append([warning(1)])).toThrow('ARCHLOOM_STUDY_LOCKED')
    await store.close()
  })

  it.each([
    ['a row of no JSON', "UPDATE archloom_events SET body = '{' WHERE seq = 1"],
    [
      'a row that is another event',
      'UPDATE archloom_events SET body = replace(body, \'"seq":1\', \'"seq":7\') WHERE seq = 1',
    ],
    ['a row that is no event', "UPDATE archloom_events SET body = 'null' WHERE seq = 1"],
    ['a missing row', 'DELETE FROM archloom_events WHERE seq = 1'],
  ])('with %s is corrupt there, and its other studies are read', async (_, sql) => {
    await written('a', 3)
    await change(sql)
    const studies = sqliteStudies(file)
    await written('b', 3).catch(() => {})
    const store = await studies.open('a')
    await expect(readEvents(store)).rejects.toThrow(/ARCHLOOM_STORAGE_CORRUPT: event 1 of/)
    await store.close()
    const other = await studies.open('b')
    expect((await readEvents(other)).length).toBe(3)
    await other.close()
  })
})

describe('the schema', () => {
  it('of a newer version is refused', async () => {
    await written()
    await change('UPDATE archloom_schema SET version = 99')
    await expect(sqliteStudies(file).open('a')).rejects.toThrow(/ARCHLOOM_STORAGE_NEWER.*99.*at most 1/)
  })

  it('of an older version is brought up to date, whole or not at all', async () => {
    await written('a', 2)
    const database = await open()
    const wrong = [...migrations, 'CREATE TABLE added (x INTEGER); INSERT INTO missing VALUES (1)']
    expect(() => migrate(database, 'here', wrong)).toThrow('missing')
    const right = [...migrations, "ALTER TABLE archloom_studies ADD COLUMN note TEXT NOT NULL DEFAULT 'old'"]
    migrate(database, 'here', right)
    migrate(database, 'here', right)
    expect(database.prepare('SELECT name, note FROM archloom_studies').all()).toMatchObject([
      { name: 'a', note: 'old' },
    ])
    expect(database.prepare('SELECT version FROM archloom_schema').all()).toMatchObject([{ version: 2 }])
    database.close()
  })

  it('of this version is read from a file that it wrote', async () => {
    copyFileSync(new URL('../../assets/sqlite/schema-1.db', import.meta.url), file)
    const studies = sqliteStudies(file)
    expect(await studies.list()).toEqual(['evolution', 'notes'])
    const store = await studies.open('evolution')
    const record = await readRecord(store)
    expect(record.state).toMatchObject({ status: 'finished', completed: 6, failed: 1, sessions: 2 })
    expect(record.best(1)[0]?.metrics).toEqual({ sum: 6, psnr: Number.POSITIVE_INFINITY })
    expect([...((await store.artifacts.read('checkpoints/a')) ?? [])]).toEqual([1, 2, 3])
    await store.close()
  })
})

it('a writing transaction takes the lock at its beginning', async () => {
  await written()
  const [first, second] = [await open(), await open()]
  second.exec('PRAGMA busy_timeout = 0')
  inTransaction(first, () => {
    first.prepare('SELECT count(*) FROM archloom_events').get()
    expect(() => inTransaction(second, () => undefined)).toThrow('locked')
  })
  first.close()
  second.close()
})

it('Node without SQLite is told which package gives it one', async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'x'\nmore"))
  await expect(loadDriver(missing, '20.20.2')).rejects.toThrow(
    /ARCHLOOM_SQLITE_MISSING.*20\.20\.2.*"npm install @photostructure\/sqlite"/,
  )
  const asked: string[] = []
  for (const version of ['20.20.2', '22.12.0', '22.13.0', '24.0.0'])
    await loadDriver(async (name) => {
      asked.push(name)
    }, version)
  expect(asked).toEqual(['@photostructure/sqlite', '@photostructure/sqlite', 'node:sqlite', 'node:sqlite'])
})

describe('several processes', { timeout: 120_000 }, () => {
  const run = (name: string, count = 20) =>
    new Promise<{ code: number | null; text: string }>((resolve) => {
      const child = spawn(process.execPath, [...args, 'search', `sqlite:${file}`, name, String(count)])
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      child.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      child.on('close', (code) => resolve({ code, text }))
    })

  it('write studies of one file that none of them had made', async () => {
    const names = ['a', 'b', 'c']
    for (const { code, text } of await Promise.all(names.map((name) => run(name)))) expect(code, text).toBe(0)
    const studies = sqliteStudies(file)
    expect(await studies.list()).toEqual(names)
    for (const name of names) {
      const store = await studies.open(name)
      expect((await readRecord(store)).state).toMatchObject({ status: 'finished', completed: 20 })
      await store.close()
    }
  })

  it('one of two that write the same study is refused with a code', async () => {
    const store = await sqliteStudies(file).open('a', { mode: 'write' })
    await store.append([warning(0)])
    const { code, text } = await run('a')
    expect(code).not.toBe(0)
    expect(text).toMatch(new RegExp(`ARCHLOOM_STUDY_LOCKED.*running process ${process.pid}`))
    await store.close()
  })

  it('a full disk is an error with a code, and leaves everything before it', async () => {
    const command = `ulimit -f 600; exec "${process.execPath}" ${args.join(' ')} fill "sqlite:${file}" full 100000`
    const { stdout, stderr } = spawnSync('bash', ['-c', command], {
      encoding: 'utf8',
      env: { ...process.env, TSX_DISABLE_CACHE: '1' },
    })
    expect(stderr).toBe('')
    const [count, code] = stdout.trim().split(' ')
    expect(code).toBe('ARCHLOOM_STUDY_NOT_WRITABLE')
    expect(Number(count)).toBeGreaterThan(20)
    const store = await sqliteStudies(file).open('full', { mode: 'write' })
    expect((await readEvents(store)).length).toBe(Number(count))
    await store.append([warning(Number(count))])
    await store.close()
  })

  it('a folder that may not be written is an error with a code, and its studies are read', async ({ skip }) => {
    await written('a', 3)
    chmodSync(directory, 0o755)
    const nobody = 65_534
    const stranger = (what: string) =>
      spawnSync(process.execPath, [...args, what, `sqlite:${file}`, 'a'], {
        encoding: 'utf8',
        env: { ...process.env, TSX_DISABLE_CACHE: '1' },
        uid: nobody,
        gid: nobody,
      })
    const read = process.getuid?.() === 0 ? stranger('read') : undefined
    if (!read || /EACCES|ERR_MODULE_NOT_FOUND/.test(read.stderr)) skip('needs root, and a checkout that all may read')
    expect(read?.stdout, read?.stderr).toBe('3 events of a\n')
    expect(stranger('fill').stdout).toBe('0 ARCHLOOM_STUDY_NOT_WRITABLE\n')
    const store = await sqliteStudies(file).open('a')
    expect((await readEvents(store)).length).toBe(3)
    await store.close()
  })
})
