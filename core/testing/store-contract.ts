import { describe, expect, it } from 'vitest'
import { optionNames } from '../options/index.ts'
import { readEvents, type Store } from '../study/store.ts'
import type { SearchEvent } from '../trial/events.ts'

/** A place that can be opened as a store. */
export interface StoreContractPlace {
  /** Opens the store; called again after the previous one was closed. */
  open(): Store | Promise<Store>
  /** Cleans up after a test. */
  remove?(): void | Promise<void>
}

export interface StoreContractOptions {
  /** Whether events survive closing and opening again. Default: true. */
  readonly persistent?: boolean
}

const texts = ['plain', 'line\nbreak', 'quote " and \\', 'Grüße 数 🚀', '\u2028', '']

/** Events of several kinds with unusual contents that survive JSON. */
const sampleEvents = (count: number, from = 0): readonly SearchEvent[] =>
  Array.from({ length: count }, (_, i): SearchEvent => {
    const seq = from + i
    const at = 1_700_000_000_000 + seq * 0.25
    const genotype = [seq % 7, 1e-7 * seq, 0]
    switch (seq % 4) {
      case 0:
        return {
          seq,
          at,
          type: 'trial.proposed',
          trial: seq,
          genotype,
          seed: seq + 1,
          context: { text: texts[seq % 6] ?? '' },
        }
      case 1:
        return { seq, at, type: 'trial.progress', trial: seq - 1, step: 1, metrics: { loss: 0.1 + 0.2, tiny: 5e-324 } }
      case 2:
        return {
          seq,
          at,
          type: 'trial.completed',
          trial: seq - 2,
          genotype,
          metrics: { accuracy: 1 / 3 },
          reward: 1 / 3,
          feasible: true,
          elapsedMs: 12.5,
        }
      default:
        return {
          seq,
          at,
          type: 'plugin.event',
          plugin: 'p',
          name: 'n',
          facts: [null, true, { deep: [texts[seq % 6] ?? ''] }],
        }
    }
  })

const storeContractNames = optionNames<StoreContractOptions>('storeContract', { persistent: true })

/**
 * Tests for what every store must guarantee (see `Store`). Call it at the top level of a test file.
 *
 *     storeContract('my store', () => { const directory = mkdtempSync(…); return { open: () => myStore(directory) } })
 */
export function storeContract(
  name: string,
  create: () => StoreContractPlace | Promise<StoreContractPlace>,
  given: StoreContractOptions = {},
): void {
  const { persistent = true } = storeContractNames(given)
  describe(`${name} keeps the contract of stores`, () => {
    const at = (law: string, run: (place: StoreContractPlace) => Promise<void>) =>
      it(law, async () => {
        const place = await create()
        try {
          await run(place)
        } finally {
          await place.remove?.()
        }
      })
    const append = async (store: Store, events: readonly SearchEvent[]) => {
      for (const event of events) await store.append([event])
    }

    at('begins empty, with a location and no notes', async ({ open }) => {
      const store = await open()
      expect(await readEvents(store)).toEqual([])
      expect(store.location.length).toBeGreaterThan(0)
      expect(store.notes).toEqual([])
      await store.close()
    })

    at('returns equal events in their order, as often as asked', async ({ open }) => {
      const store = await open()
      const events = sampleEvents(24)
      await append(store, events)
      expect(await readEvents(store)).toEqual(events)
      expect(await readEvents(store)).toEqual(events)
      await store.close()
    })

    at('returns an event as soon as append has returned', async ({ open }) => {
      const store = await open()
      for (const [i, event] of sampleEvents(5).entries()) {
        await store.append([event])
        expect((await readEvents(store)).length).toBe(i + 1)
      }
      await store.close()
    })

    at('keeps its own copy', async ({ open }) => {
      const store = await open()
      const events = sampleEvents(4)
      await append(store, sampleEvents(4))
      const [first] = await readEvents(store)
      Object.assign(first as SearchEvent, { seq: 99 })
      expect(await readEvents(store)).toEqual(events)
      await store.close()
    })

    at('appends several events at once, and reads from a given number', async ({ open }) => {
      const store = await open()
      const events = sampleEvents(24)
      await store.append(events)
      expect(await readEvents(store, 10)).toEqual(events.slice(10))
      expect(await readEvents(store, 24)).toEqual([])
      await store.close()
    })

    at('keeps infinite and NaN metrics', async ({ open }) => {
      const store = await open()
      const metrics = { psnr: Number.POSITIVE_INFINITY, low: Number.NEGATIVE_INFINITY, loss: Number.NaN, tiny: 5e-324 }
      const event: SearchEvent = { seq: 0, at: 1, type: 'trial.progress', trial: 0, step: 1, metrics }
      await store.append([event])
      expect(await readEvents(store)).toEqual([event])
      await store.close()
    })

    at('follows appended events', async ({ open }) => {
      const store = await open()
      const events = sampleEvents(12)
      await store.append(events.slice(0, 4))
      const stop = new AbortController()
      const seen: SearchEvent[] = []
      const following = (async () => {
        for await (const batch of store.tail(2, stop.signal)) {
          seen.push(...batch)
          if (seen.length >= 10) stop.abort()
        }
      })()
      // A store that never yields would block the test.
      const limit = setTimeout(() => stop.abort(), 5000)
      await store.append(events.slice(4, 7))
      await store.append(events.slice(7))
      await following
      clearTimeout(limit)
      expect(seen).toEqual(events.slice(2))
      await store.close()
    })

    at('waits for events that do not exist yet', async ({ open }) => {
      const store = await open()
      await store.append(sampleEvents(2))
      const stop = new AbortController()
      const seen: SearchEvent[] = []
      const following = (async () => {
        for await (const batch of store.tail(5, stop.signal)) seen.push(...batch)
      })()
      await new Promise((resolve) => setTimeout(resolve, 20))
      stop.abort()
      await following
      expect(seen).toEqual([])
      await store.close()
    })

    at('keeps artifacts beside the events', async ({ open }) => {
      const store = await open()
      await store.append(sampleEvents(1))
      const { artifacts } = store
      expect(await artifacts.read('checkpoints/a')).toBeUndefined()
      await artifacts.write('checkpoints/a', Uint8Array.of(1, 2, 255))
      await artifacts.write('b', Uint8Array.of())
      await artifacts.write('checkpoints/a', Uint8Array.of(3))
      expect([...((await artifacts.read('checkpoints/a')) ?? [])]).toEqual([3])
      expect((await artifacts.read('b'))?.length).toBe(0)
      expect(await artifacts.list()).toEqual(['b', 'checkpoints/a'])
      await artifacts.remove('checkpoints/a')
      await artifacts.remove('checkpoints/a')
      expect(await artifacts.list()).toEqual(['b'])
      await store.close()
    })

    at(
      'keeps names of metrics and artifacts that mean something to JavaScript or to a file system',
      async ({ open }) => {
        const store = await open()
        const text = '{"__proto__":{"polluted":1},"constructor":2,"toString":3}'
        const facts = JSON.parse(text) as null
        await store.append([{ seq: 0, at: 1, type: 'plugin.event', plugin: '__proto__', name: "'; DROP --", facts }])
        const [event] = await readEvents(store)
        expect(JSON.stringify(event && 'facts' in event && event.facts)).toBe(text)
        expect('polluted' in {}).toBe(false)
        const { artifacts } = store
        await artifacts.write('__proto__', Uint8Array.of(1))
        await artifacts.write("it's %_\\ [a]*?", Uint8Array.of(2))
        expect(await artifacts.list()).toEqual(['__proto__', "it's %_\\ [a]*?"])
        expect(await artifacts.read('constructor')).toBeUndefined()
        expect([...((await artifacts.read('__proto__')) ?? [])]).toEqual([1])
        await store.close()
      },
    )

    at('keeps artifacts of many megabytes whole', async ({ open }) => {
      const store = await open()
      await store.append(sampleEvents(1))
      const data = new Uint8Array(17_000_003)
      for (let i = 0; i < data.length; i += 97) data[i] = i % 251
      await store.artifacts.write('large', data)
      const read = await store.artifacts.read('large')
      expect(read?.length).toBe(data.length)
      expect(Buffer.compare(read ?? new Uint8Array(), data)).toBe(0)
      await store.close()
    })

    at('can be read after it was closed, and takes nothing more', async ({ open }) => {
      const store = await open()
      const events = sampleEvents(4)
      await store.append(events)
      await store.close()
      expect(await readEvents(store)).toEqual(events)
      if (persistent)
        await expect((async () => store.append(sampleEvents(1, 4)))()).rejects.toThrow('ARCHLOOM_STUDY_CLOSED')
    })

    at('can be closed twice', async ({ open }) => {
      const store = await open()
      await store.close()
      await store.close()
    })

    if (!persistent) return
    at('keeps everything when closed and opened again, and appends after it', async ({ open }) => {
      const events = sampleEvents(30)
      for (let from = 0; from < 30; from += 10) {
        const store = await open()
        expect(await readEvents(store)).toEqual(events.slice(0, from))
        expect(store.notes).toEqual([])
        await append(store, events.slice(from, from + 10))
        await store.close()
      }
      const store = await open()
      expect(await readEvents(store)).toEqual(events)
      await store.close()
    })

    at(
      'recalls what was kept of its first events, with the events after them, if it keeps snapshots',
      async ({ open }) => {
        const events = sampleEvents(30)
        const store = await open()
        await append(store, events.slice(0, 20))
        expect(await store.snapshot?.recall()).toBeUndefined()
        const parts = [{ texts, numbers: [1 / 3, Number.NaN, Number.NEGATIVE_INFINITY] }, {}, { last: null }]
        store.snapshot?.keep(20, [{ first: 'replaced' }])
        store.snapshot?.keep(20, parts)
        expect(await store.artifacts.list()).toEqual([])
        const recalled = async ({ snapshot }: Store) => {
          const kept = await snapshot?.recall()
          if (!kept) return undefined
          const [all, rest]: [unknown[], SearchEvent[]] = [[], []]
          for await (const part of kept.parts) all.push(part)
          for await (const batch of kept.rest()) rest.push(...batch)
          return { events: kept.events, parts: all, rest }
        }
        const expected = (to: number) => store.snapshot && { events: 20, parts, rest: events.slice(20, to) }
        expect(await recalled(store)).toEqual(expected(20))
        await append(store, events.slice(20, 25))
        expect(await recalled(store)).toEqual(expected(25))
        await store.close()
        const again = await open()
        expect(await recalled(again)).toEqual(expected(25))
        await append(again, events.slice(25))
        expect(await recalled(again)).toEqual(expected(30))
        expect(await readEvents(again)).toEqual(events)
        await again.close()
      },
    )

    at('keeps thousands of events', async ({ open }) => {
      const events = sampleEvents(3000)
      const store = await open()
      await append(store, events)
      await store.close()
      const again = await open()
      expect(await readEvents(again)).toEqual(events)
      await again.close()
    })
  })
}
