import { describe, expect, it } from 'vitest'
import type { SearchEvent } from '../search/events.ts'
import type { Store } from '../study/store.ts'

/** One place where events are kept. */
export interface StoreContractPlace {
  /** Opens the place; called again after the store before it was closed. */
  open(): Store | Promise<Store>
  /** Cleans up after a test. */
  remove?(): void | Promise<void>
}

export interface StoreContractOptions {
  /** Events survive close and open. Default true. */
  readonly persistent?: boolean
}

const texts = ['plain', 'line\nbreak', 'quote " and \\', 'Grüße 数 🚀', '\u2028', '']

/** Events of several kinds with awkward contents; equal after JSON. */
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

/**
 * What every store must keep (see `Store`), as tests: call it at the top level of a test file.
 *
 *     storeContract('my store', () => { const directory = mkdtempSync(…); return { open: () => myStore(directory) } })
 */
export function storeContract(
  name: string,
  create: () => StoreContractPlace | Promise<StoreContractPlace>,
  { persistent = true }: StoreContractOptions = {},
): void {
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
    const append = (store: Store, events: readonly SearchEvent[]) => {
      for (const event of events) store.append(event)
    }

    at('begins empty, at a place that a person can find, with nothing to note', async ({ open }) => {
      const store = await open()
      expect([...store.read()]).toEqual([])
      expect(store.location.length).toBeGreaterThan(0)
      expect(store.notes).toEqual([])
      store.close()
    })

    at('gives back equal events in their order, as often as asked', async ({ open }) => {
      const store = await open()
      const events = sampleEvents(24)
      append(store, events)
      expect([...store.read()]).toEqual(events)
      expect([...store.read()]).toEqual(events)
      store.close()
    })

    at('shows an event at once when append has returned', async ({ open }) => {
      const store = await open()
      for (const [i, event] of sampleEvents(5).entries()) {
        store.append(event)
        expect([...store.read()].length).toBe(i + 1)
      }
      store.close()
    })

    at('keeps its own copy', async ({ open }) => {
      const store = await open()
      const events = sampleEvents(4)
      append(store, sampleEvents(4))
      const [first] = store.read()
      Object.assign(first as SearchEvent, { seq: 99 })
      expect([...store.read()]).toEqual(events)
      store.close()
    })

    at('may be closed twice', async ({ open }) => {
      const store = await open()
      store.close()
      store.close()
    })

    if (!persistent) return
    at('keeps everything over close and open, and goes on behind it', async ({ open }) => {
      const events = sampleEvents(30)
      for (let from = 0; from < 30; from += 10) {
        const store = await open()
        expect([...store.read()]).toEqual(events.slice(0, from))
        expect(store.notes).toEqual([])
        append(store, events.slice(from, from + 10))
        store.close()
      }
      const store = await open()
      expect([...store.read()]).toEqual(events)
      store.close()
    })

    at('keeps thousands of events', async ({ open }) => {
      const events = sampleEvents(3000)
      const store = await open()
      append(store, events)
      store.close()
      const again = await open()
      expect([...again.read()]).toEqual(events)
      again.close()
    })
  })
}
