import { createSearch, memoryStore, readEvents, type SearchEvent, type Store } from 'archloom'
import { describe, expect, it } from 'vitest'
import { climbing, digits, sum } from './parts.ts'

/** A store in memory that refuses the calls of `append` whose numbers are given, as a full disk does for a while. */
function refusing(refused: ReadonlySet<number>, isAsync: boolean): Store & { readonly calls: number } {
  const store = memoryStore()
  let calls = 0
  return {
    ...store,
    get calls() {
      return calls
    },
    append(events) {
      const isRefused = refused.has(calls++)
      const append = () => {
        if (isRefused) throw new Error('no room')
        return store.append(events)
      }
      return isAsync ? Promise.resolve().then(append) : append()
    },
  }
}

const compose = (study: Store, maxTrials = 6) =>
  createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
    plugins: [climbing()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials },
    seed: 5,
    study,
  } as Parameters<typeof createSearch>[0])

/** What the trials are, without sessions and times. */
const trialsOf = (events: readonly SearchEvent[]) =>
  events.flatMap((event) => {
    if (!('trial' in event) && event.type !== 'controller.updated') return []
    const { seq: _, at: __, ...rest } = event as SearchEvent & { elapsedMs?: number }
    return [{ ...rest, elapsedMs: 0 }]
  })
const expectWhole = (events: readonly SearchEvent[]) => expect(events.map(({ seq }) => seq)).toEqual([...events.keys()])

describe.each([false, true])('a store that refuses an append (asynchronous: %s)', (isAsync) => {
  it('stops a run with its own error; the next run writes what was refused and ends as if nothing had been', async () => {
    const whole = refusing(new Set(), isAsync)
    {
      await using search = compose(whole)
      await search.finish()
    }
    const expected = trialsOf(await readEvents(whole))
    for (let at = 0; at < whole.calls; at++) {
      const store = refusing(new Set([at, at + 1]), isAsync)
      await using search = compose(store)
      const isLast = at === whole.calls - 1
      await expect(search.finish(), `append ${at}`).rejects.toThrow('no room')
      if (!isLast) await search.finish()
      else await search[Symbol.asyncDispose]()
      const events = await readEvents(store)
      expect(trialsOf(events), `append ${at}`).toEqual(expected)
      expectWhole(events)
    }
  })

  it('refuses an enqueued architecture; the same call again enqueues it once', async () => {
    // The first append is the start of the session, the second one the proposal.
    for (const at of [0, 1]) {
      const store = refusing(new Set([at]), isAsync)
      await using search = compose(store, 3)
      const wanted = { digit: [2, 1, 0, 2] } as never
      await expect(search.enqueue(wanted), `append ${at}`).rejects.toThrow('no room')
      await search.enqueue(wanted)
      await search.finish()
      const events = await readEvents(store)
      expectWhole(events)
      const proposals = events.flatMap((event) => (event.type === 'trial.proposed' ? [event.genotype.join('')] : []))
      expect(proposals[0]).toBe('2102')
      expect(proposals).toHaveLength(3)
      expect(proposals[1], `append ${at}`).not.toBe('2102')
    }
  })

  it('refuses a proposal or an observation once; the same call again has its result', async () => {
    const own = async (store: Store) => {
      await using search = compose(store)
      const again = async <T>(act: () => Promise<T>): Promise<T> => {
        try {
          return await act()
        } catch (thrown) {
          expect((thrown as Error).message).toBe('no room')
          return again(act)
        }
      }
      for (let trial = 0; trial < 4; trial++) {
        const proposal = await again(() => search.propose())
        expect(proposal.trial).toBe(trial)
        const result = { sum: sum(proposal.architecture as { digit: number[] }) }
        await again(() => search.observe(proposal, result))
      }
    }
    const whole = refusing(new Set(), isAsync)
    await own(whole)
    const expected = trialsOf(await readEvents(whole))
    // The last one closes the session when the search is disposed of.
    for (let at = 0; at < whole.calls - 1; at++) {
      const store = refusing(new Set([at]), isAsync)
      await own(store)
      const events = await readEvents(store)
      expect(trialsOf(events), `append ${at}`).toEqual(expected)
      expectWhole(events)
    }
  })
})
