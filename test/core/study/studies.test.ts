import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, readEvents, readRecord, readStudy, type SearchEvent, type Studies, studiesAt } from 'archloom'
import { journalStore, journalStudies, locateStudy } from 'archloom/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { climbing, digits, sum } from '../search/parts.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-studies-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const compose = (study: Parameters<typeof createSearch>[0]['study'], maxTrials = 6) =>
  createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
    plugins: [climbing()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials },
    ...(study !== undefined && { study }),
  } as Parameters<typeof createSearch>[0])

const warning = (seq: number): SearchEvent => ({ seq, at: 1, type: 'search.warning', code: 'X', message: '' })

describe.each([
  ['journal', () => studiesAt(`journal:${directory}`)],
  ['memory', () => studiesAt(`memory:${directory}`)],
] as const)('studies at a %s: address', (_, place) => {
  it('are listed, opened by name, resumed and removed', async () => {
    const studies: Studies = await place()
    expect(await studies.list()).toEqual([])
    for (const maxTrials of [3, 6]) {
      await using search = compose({ name: 'mine', storage: studies }, maxTrials)
      await search.finish()
    }
    expect(await studies.list()).toEqual(['mine'])
    const record = await readStudy('mine', { storage: studies })
    expect(record.state).toMatchObject({ status: 'finished', completed: 6, sessions: 2 })
    await studies.remove('mine')
    expect(await studies.list()).toEqual([])
    await expect(studies.open('mine')).rejects.toThrow('ARCHLOOM_STUDY_NOT_FOUND')
  })

  it('names that cannot be file names are refused with a suggestion that can', async () => {
    const studies = await place()
    for (const name of ['../x', 'a/b', '..', 'my study!', ''])
      await expect(studies.open(name, { mode: 'write' }), name).rejects.toThrow(/ARCHLOOM_STUDY_NAME.*Use "/)
  })
})

it('an unknown scheme is refused, without the password of its address', async () => {
  await expect(studiesAt('nosuch://me:secret@host/db')).rejects.toThrow(
    /ARCHLOOM_STORAGE_UNKNOWN.*nosuch:\/\/me:…@host\/db.*journal/,
  )
  await expect(studiesAt('plain')).rejects.toThrow('ARCHLOOM_STORAGE_UNKNOWN')
})

it('studies made in the same second get names of their own', async () => {
  const clock = { now: () => 1e12, sleep: async () => {} }
  const names: string[] = []
  for (let i = 0; i < 2; i++) {
    await using search = createSearch({
      space: digits,
      evaluator: (a) => ({ sum: sum(a) }),
      plugins: [climbing()],
      objectives: { sum: 'maximise' },
      budget: { maxTrials: 1 },
      study: { directory },
      clock,
    })
    await search.finish()
    names.push(search.study)
  }
  expect(new Set(names).size).toBe(2)
  for (const name of names) expect(existsSync(join(name, 'journal.jsonl'))).toBe(true)
})

describe('journals of version 0.1', () => {
  const assets = new URL('../../assets/journals/', import.meta.url)
  const placed = (asset: string) => {
    mkdirSync(join(directory, asset))
    copyFileSync(new URL(`0.1-${asset}.jsonl`, assets), join(directory, asset, 'journal.jsonl'))
    return journalStudies(directory)
  }

  it('of a multi-trial search are read whole, with their architectures', async () => {
    const record = await readRecord(await placed('evolution').open('evolution'))
    expect(record.state).toMatchObject({ completed: 19, failed: 5, sessions: 2, status: 'finished' })
    expect(record.trials).toHaveLength(24)
    expect(record.trials[3]).toMatchObject({ status: 'failed', failure: { code: 'ARCHLOOM_EVALUATION_THREW' } })
    const [best] = record.best(1)
    expect(best).toMatchObject({ reward: record.state.best!.reward, rungs: [{ fidelity: 1 }] })
    expect(best!.architecture).toMatchObject({ activation: 'relu', layers: expect.any(Array) })
  })

  it('of a one-shot search are read whole', async () => {
    const record = await readRecord(await placed('cnas').open('cnas'))
    expect(record.state).toMatchObject({ completed: 5, status: 'finished' })
    expect(record.best(9).length).toBeGreaterThan(0)
  })
})

describe('a journal', () => {
  it('takes nothing more once it is closed, and notices that it was deleted', async () => {
    const store = journalStore(join(directory, 'a'))
    store.append([warning(0)])
    store.close()
    expect(() => store.append([warning(1)])).toThrow('ARCHLOOM_STUDY_CLOSED')
    const removed = journalStore(join(directory, 'b'))
    removed.append([warning(0)])
    rmSync(join(directory, 'b'), { recursive: true })
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(() => removed.append([warning(1)])).toThrow('ARCHLOOM_STUDY_REMOVED')
    removed.close()
  })

  it('keeps its artifacts inside its folder', async () => {
    const { artifacts, close } = journalStore(join(directory, 'a'))
    for (const name of ['../out', '/tmp/out', 'a/../../out', '', 'journal.jsonl'])
      await expect(artifacts.write(name, Uint8Array.of(1)), name).rejects.toThrow('ARCHLOOM_ARTIFACT_NAME')
    await artifacts.write('deep/er/x.bin', Uint8Array.of(1))
    expect([...readFileSync(join(directory, 'a', 'deep', 'er', 'x.bin'))]).toEqual([1])
    await close()
  })

  it('is longer than one block, and is read from any number on', async () => {
    const store = journalStore(join(directory, 'long'))
    const events = Array.from({ length: 12_000 }, (_, seq) => ({ ...warning(seq), message: 'ä'.repeat(100) }))
    for (let i = 0; i < events.length; i += 500) store.append(events.slice(i, i + 500) as SearchEvent[])
    expect(statSync(join(directory, 'long', 'journal.jsonl')).size).toBeGreaterThan(3 << 20)
    expect(await readEvents(store, 11_990)).toEqual(events.slice(11_990))
    expect((await readEvents(store)).length).toBe(12_000)
    await store.close()
  })

  it('is followed by another opening while it grows', async () => {
    const store = journalStore(join(directory, 'live'))
    store.append([warning(0)])
    const reader = await journalStudies(directory).open('live')
    const stop = new AbortController()
    const seen: number[] = []
    const following = (async () => {
      for await (const events of reader.tail(0, stop.signal)) {
        seen.push(...events.map(({ seq }) => seq))
        if (seen.length === 4) stop.abort()
      }
    })()
    for (const seq of [1, 2, 3]) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      store.append([warning(seq)])
    }
    await following
    expect(seen).toEqual([0, 1, 2, 3])
    await store.close()
  })

  it('is found by name, by path and by its file', async () => {
    const store = journalStore(join(directory, 'found'))
    store.append([warning(0)])
    await store.close()
    const expected = { directory, name: 'found' }
    expect(locateStudy('found', directory)).toEqual(expected)
    expect(locateStudy(join(directory, 'found'))).toEqual(expected)
    expect(locateStudy(join(directory, 'found', 'journal.jsonl'))).toEqual(expected)
    expect(() => locateStudy('lost', directory)).toThrow(/ARCHLOOM_STUDY_NOT_FOUND.*found/)
  })
})

describe('the lock of a journal', () => {
  const lock = (owner: object) => {
    mkdirSync(join(directory, 'locked'), { recursive: true })
    writeFileSync(join(directory, 'locked', 'lock'), JSON.stringify(owner))
    return () => journalStore(join(directory, 'locked')).close()
  }
  const here = { host: hostname(), namespace: '', id: 'x' }

  it('of a live process elsewhere is respected while it is fresh, and taken over when it is not', () => {
    const open = lock({ pid: 1, started: '5', host: 'another-host', namespace: 'pid:[1]', id: 'x' })
    expect(open).toThrow(/ARCHLOOM_STUDY_LOCKED.*process 1 on another-host/)
    const old = new Date('2020-01-01')
    utimesSync(join(directory, 'locked', 'lock'), old, old)
    expect(open).not.toThrow()
  })

  it('of a dead process whose number another process has now is taken over', () => {
    expect(lock({ ...here, pid: process.ppid, started: '1' })).not.toThrow()
  })

  it('of a live process is respected', () => {
    expect(lock({ ...here, pid: process.ppid, started: '' })).toThrow('ARCHLOOM_STUDY_LOCKED')
  })

  it('is taken over although a process died while it was taking it over', () => {
    const open = lock({ ...here, pid: process.ppid, started: '1' })
    writeFileSync(
      join(directory, 'locked', 'lock.takeover'),
      JSON.stringify({ ...here, pid: process.ppid, started: '2', id: 'y' }),
    )
    expect(open).not.toThrow()
  })
})

describe('where studies are', () => {
  it('is not said with a misspelt option or twice', async () => {
    await expect(studiesAt(`journal:${directory}?fsnyc=trial`)).rejects.toThrow(/ARCHLOOM_OPTION.*"fsnyc".*"fsync"/)
    await expect(studiesAt(`journal:${directory}?fsync=always`)).rejects.toThrow(/ARCHLOOM_OPTION.*"always"/)
    expect(() => journalStudies(directory, { fsync: 'trials' as 'trial' })).toThrow(/ARCHLOOM_OPTION.*"trials"/)
    expect(() => journalStore(join(directory, 'new'), { fsync: true as never })).toThrow(/ARCHLOOM_OPTION.*fsync/)
    await expect(readStudy('a', { storage: `journal:${directory}`, directory })).rejects.toThrow(
      /ARCHLOOM_OPTION.*"directory".*beside storage/,
    )
  })
})
