import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createSearch,
  definePlugin,
  memoryStore,
  type Observed,
  type Observer,
  observeInBatches,
  readEvents,
  type SearchEvent,
  type StudyRecord,
} from 'archloom'
import { describe, expect, it } from 'vitest'
import { climbing, digits, sum } from '../search/parts.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const warning = (seq: number): SearchEvent => ({ seq, at: 1, type: 'search.warning', code: 'X', message: '' })

/** A search of which only the events are there. `upTo` is the number of its last event. */
function observed(upTo: number) {
  const thrown: unknown[] = []
  const publish = (event: SearchEvent) => {
    for (const each of listeners) each(event)
  }
  const listeners: ((event: SearchEvent) => void)[] = []
  const record = { state: { seq: upTo } } as StudyRecord
  const subscribe = (listener: (event: SearchEvent) => void) => {
    listeners.push(listener)
    return { unsubscribe: () => void listeners.splice(0) }
  }
  const warn = (failure: unknown) => void thrown.push(failure)
  const search = { study: 's', location: 's', from: 0, record, on: () => () => {}, events$: { subscribe }, warn }
  return { search: search as unknown as Observed, publish, thrown }
}

describe('an observer in batches', () => {
  it('receives every event once and in order, however slowly it writes', async () => {
    const { search, publish } = observed(9_999)
    const batches: number[][] = []
    const finish = observeInBatches(search, {
      everyMs: 1,
      async write(events) {
        batches.push(events.map(({ seq }) => seq))
        await pause(3)
      },
    })
    for (let seq = 0; seq < 10_000; seq++) {
      publish(warning(seq))
      if (seq % 2500 === 0) await pause(2)
    }
    await finish()
    expect(batches.flat()).toEqual(Array.from({ length: 10_000 }, (_, seq) => seq))
    expect(batches.length).toBeLessThan(100)
  })

  it('waits at the end for events that are still being replayed', async () => {
    const { search, publish } = observed(1)
    const written: number[] = []
    const finish = observeInBatches(search, { write: async (events) => void written.push(...events.map((e) => e.seq)) })
    const end = finish()
    publish(warning(0))
    await pause(10)
    publish(warning(1))
    await end
    expect(written).toEqual([0, 1])
  })

  it('retries a failed batch, and reports the failure', async () => {
    const { search, publish, thrown } = observed(3)
    const attempts: number[][] = []
    const finish = observeInBatches(search, {
      everyMs: 1,
      async write(events) {
        attempts.push(events.map(({ seq }) => seq))
        if (attempts.length === 1) throw new Error('disk full')
      },
    })
    publish(warning(0))
    publish(warning(1))
    while (attempts.length === 0) await pause(1)
    publish(warning(2))
    publish(warning(3))
    await finish()
    expect(attempts[0]).toEqual([0, 1])
    expect(attempts.slice(1).flat()).toEqual([0, 1, 2, 3])
    expect(thrown).toEqual([new Error('disk full')])
  })

  it('fails at the end where the last batch cannot be written', async () => {
    const { search, publish, thrown } = observed(1)
    let calls = 0
    const finish = observeInBatches(search, {
      everyMs: 1,
      write: async () => {
        calls++
        throw new Error('disk full')
      },
    })
    publish(warning(0))
    while (calls === 0) await pause(1)
    await pause(0)
    publish(warning(1))
    await expect(finish()).rejects.toThrow('disk full')
    expect(new Set(thrown.map(String))).toEqual(new Set(['Error: disk full']))
  })

  it('keeps a bounded number of events while nothing can be written, and writes all of them in the end', async () => {
    let isAway = true
    let most = 0
    const written: number[] = []
    const observing = definePlugin({
      name: 'observing',
      bind: ({ observer }) =>
        observer.to((search) =>
          observeInBatches(search, {
            everyMs: 20,
            async write(events) {
              most = Math.max(most, events.length)
              if (isAway) throw new Error('the server is away')
              written.push(...events.flatMap(({ type, seq }) => (type === 'best.changed' ? [] : [seq])))
            },
          }),
        ),
    })
    const store = memoryStore()
    {
      await using search = createSearch({
        space: digits,
        evaluator: (architecture) => ({ sum: sum(architecture) }),
        plugins: [climbing(), observing],
        objectives: { sum: 'maximise' },
        budget: { maxTrials: 4500 },
        study: store,
      })
      for await (const { type } of search.run()) if (type === 'search.finished') isAway = false
    }
    const events = await readEvents(store)
    expect(events.length).toBeGreaterThan(11_000)
    expect(written.filter((seq, at) => at === 0 || seq !== written[at - 1])).toEqual(events.map(({ seq }) => seq))
    expect(most).toBeLessThanOrEqual(10_010)
  })
})

it('the end of a search waits for an observer that is still writing, and gives up one that hangs', async () => {
  const compose = (observe: Observer, study = memoryStore()) =>
    createSearch({
      space: digits,
      evaluator: (architecture) => ({ sum: sum(architecture) }),
      plugins: [climbing(), definePlugin({ name: 'observing', bind: ({ observer }) => observer.to(observe) })],
      objectives: { sum: 'maximise' },
      budget: { maxTrials: 900 },
      study,
    })
  const written = new Set<number>()
  // Each of the batches of 2,000 events takes longer than half of what the end waits.
  const slow = compose((search) =>
    observeInBatches(search, {
      everyMs: 60_000,
      async write(events) {
        await pause(5500)
        for (const { seq } of events) written.add(seq)
      },
    }),
  )
  const hung = compose(() => () => new Promise<void>(() => {}))
  await Promise.all([slow.finish(), hung.finish()])
  const ending = performance.now()
  const alive = setInterval(() => {}, 1000)
  await Promise.all([
    slow[Symbol.asyncDispose](),
    expect(hung[Symbol.asyncDispose]()).rejects.toThrow(/^ARCHLOOM_SEARCH_OBSERVER: .* did not end within ten seconds/),
  ])
  clearInterval(alive)
  expect(performance.now() - ending).toBeGreaterThan(10_500)
  expect(written.size).toBe(slow.record().state.seq + 1)
  expect(hung.record().state.status).toBe('finished')
}, 120_000)

it('an observer that fails at the end is an error of disposing the search, whose study is complete', async () => {
  const store = memoryStore()
  const ended: string[] = []
  const failing = definePlugin({
    name: 'failing',
    bind: ({ observer }) =>
      observer.to(() => async () => {
        ended.push('failing')
        throw new Error('the last batch is lost')
      }),
  })
  const patient = definePlugin({
    name: 'patient',
    bind: ({ observer }) => observer.to(() => () => void ended.push('patient')),
  })
  const search = createSearch({
    space: digits,
    evaluator: (architecture) => ({ sum: sum(architecture) }),
    plugins: [climbing(), failing, patient],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 2 },
    study: store,
  })
  await search.finish()
  await expect(search[Symbol.asyncDispose]()).rejects.toThrow('the last batch is lost')
  expect(ended.sort()).toEqual(['failing', 'patient'])
  expect((await readEvents(store)).at(-1)?.type).toBe('search.finished')
})

/** Runs a search of three trials with observers, without disposing of it, and returns its events. */
async function observedBy(observers: Readonly<Record<string, Observer>>): Promise<readonly SearchEvent[]> {
  const store = memoryStore()
  const search = createSearch({
    space: digits,
    evaluator: (architecture) => ({ sum: sum(architecture) }),
    plugins: [
      climbing(),
      ...Object.entries(observers).map(([name, observe]) =>
        definePlugin({ name, bind: ({ observer }) => observer.to(observe) }),
      ),
    ],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 3 },
    study: store,
  })
  const yielded: SearchEvent[] = []
  for await (const event of search.run()) yielded.push(event)
  const events = await readEvents(store)
  expect(yielded.filter(({ type }) => type !== 'best.changed')).toEqual(events)
  await Promise.resolve(search[Symbol.asyncDispose]()).catch(() => {})
  return events
}
const warningsOf = (events: readonly SearchEvent[]) =>
  events.flatMap((event) => (event.type === 'search.warning' ? [`${event.code}: ${event.message}`] : []))

describe('what an observer needs', () => {
  const isMissing: Observer = (search) =>
    observeInBatches(search, {
      ready: async () => {
        throw new Error('its package is missing')
      },
      write: async () => {},
    })

  it('refuses the search before its first event where it is missing, and leaves no study', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'archloom-observer-'))
    const ended: string[] = []
    let trials = 0
    const search = createSearch({
      space: digits,
      evaluator: (architecture) => {
        trials++
        return { sum: sum(architecture) }
      },
      plugins: [
        climbing(),
        definePlugin({ name: 'missing', bind: ({ observer }) => observer.to(isMissing) }),
        definePlugin({ name: 'other', bind: ({ observer }) => observer.to(() => () => void ended.push('other')) }),
      ],
      objectives: { sum: 'maximise' },
      budget: { maxTrials: 3 },
      study: { name: 'refused', directory },
    })
    const seen: SearchEvent[] = []
    search.events$.subscribe((event) => void seen.push(event))
    await expect(search.open()).rejects.toThrow('its package is missing')
    await expect(search.finish()).rejects.toThrow('its package is missing')
    await search[Symbol.asyncDispose]()
    expect([trials, seen, ended, readdirSync(directory)]).toEqual([0, [], ['other', 'other'], []])
    rmSync(directory, { recursive: true })
  })

  it('becomes a warning before the first trial where a file or a server cannot be reached', async () => {
    const probing: Observer = (search) =>
      observeInBatches(search, {
        everyMs: 60_000,
        probe: async () => {
          throw new Error('no server')
        },
        write: async () => {},
      })
    const events = await observedBy({ first: probing, second: probing })
    expect(events.map(({ type }) => type).slice(0, 4)).toEqual([
      'search.started',
      'search.warning',
      'search.warning',
      'trial.proposed',
    ])
    expect(warningsOf(events)).toEqual([
      'ARCHLOOM_OBSERVER_FAILED: the observer "first" failed: no server',
      'ARCHLOOM_OBSERVER_FAILED: the observer "second" failed: no server',
    ])
  })

  it('a probe that hangs delays the search by a second, not more', async () => {
    const probing: Observer = (search) =>
      observeInBatches(search, { probe: () => new Promise(() => {}), write: async () => {} })
    const alive = setInterval(() => {}, 1000)
    const events = await observedBy({ probing })
    clearInterval(alive)
    expect(warningsOf(events)).toEqual([])
    expect(events.at(-1)?.type).toBe('search.finished')
  })
})

describe('an observer that fails', () => {
  const failing: Observer = (search) =>
    observeInBatches(search, {
      everyMs: 60_000,
      write: async () => {
        throw new Error('disk full')
      },
    })
  const throwing: Observer = (search) => {
    search.events$.subscribe(() => {
      throw new Error('a mistake')
    })
  }

  it('becomes a warning before the last event, however short the search is', async () => {
    const events = await observedBy({ failing, throwing })
    expect(warningsOf(events)).toEqual([
      'ARCHLOOM_OBSERVER_FAILED: the observer "throwing" failed: a mistake',
      'ARCHLOOM_OBSERVER_FAILED: the observer "failing" failed: disk full',
    ])
    expect(events.at(-1)?.type).toBe('search.finished')
  })

  it('at the last event does not fail the search', async () => {
    const late: Observer = (search) => {
      search.on('search.finished', () => {
        throw new Error('too late')
      })
    }
    const events = await observedBy({ late })
    expect(events.at(-1)?.type).toBe('search.finished')
  })
})
