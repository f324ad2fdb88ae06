import { type Observed, observeInBatches, type SearchEvent, type StudyRecord } from 'archloom'
import { describe, expect, it } from 'vitest'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const warning = (seq: number): SearchEvent => ({ seq, at: 1, type: 'search.warning', code: 'X', message: '' })

/** A search of which only the events are there. `upTo` is the number of its last event. */
function observed(upTo: number) {
  const thrown: unknown[] = []
  const publish = (event: SearchEvent) => {
    try {
      for (const each of listeners) each(event)
    } catch (failure) {
      thrown.push(failure)
    }
  }
  const listeners: ((event: SearchEvent) => void)[] = []
  const record = { state: { seq: upTo } } as StudyRecord
  const subscribe = (listener: (event: SearchEvent) => void) => {
    listeners.push(listener)
    return { unsubscribe: () => void listeners.splice(0) }
  }
  const search = { study: 's', location: 's', from: 0, record, on: () => () => {}, events$: { subscribe } }
  return { search: search as unknown as Observed, publish, thrown }
}

describe('an observer in batches', () => {
  it('is given every event once and in order, whatever the pace of its writing', async () => {
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

  it('tries a batch that failed again, and tells of the failure once', async () => {
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
    expect(thrown.length).toBeLessThanOrEqual(1)
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
    expect(thrown).toEqual([new Error('disk full')])
  })
})
