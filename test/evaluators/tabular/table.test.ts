import { createSearch, defineSpace, memoryStore, oneOf, product, type Store, virtualClock } from 'archloom'
import { tableOf, tabular } from 'archloom/evaluators/tabular'
import { random } from 'archloom/plugins/random'
import { describe, expect, it } from 'vitest'

const space = defineSpace('pair', product({ a: oneOf('x', 'y'), b: oneOf('x', 'y') }))
type Pair = { readonly a: string; readonly b: string }
const rows = { xx: { value: 1 }, xy: { value: 2 }, yx: { value: 3 }, yy: { value: 4 } }
const key = ({ a, b }: Pair) => a + b
/** One takes as many seconds as its value. */
const table = () =>
  tableOf({ name: 'pairs', rows, key, seconds: (row, fidelity) => (row.value as number) * fidelity * 1000 })

const search = (options: Partial<Parameters<typeof createSearch<Pair>>[0]> = {}) =>
  createSearch<Pair>({
    space,
    evaluator: tabular(table()),
    plugins: [random()],
    objectives: { value: 'maximise' },
    budget: { maxTrials: 24 },
    study: memoryStore(),
    ...options,
  })

/** Writing takes several turns of the event loop, as it does with a database or on a busy machine. */
const slowStore = (): Store => {
  const store = memoryStore()
  return {
    ...store,
    append: async (events) => {
      await new Promise((resolve) => setTimeout(resolve, 3))
      await store.append(events)
    },
  }
}

describe('tableOf and tabular', () => {
  it('answer with the row of the architecture', async () => {
    await using found = search()
    for await (const event of found.run())
      if (event.type === 'trial.completed')
        expect(event.metrics).toEqual(rows[key(space.decode(event.genotype)) as 'xx'])
    expect(found.best()[0]?.architecture).toEqual({ a: 'y', b: 'y' })
    expect(found.state().simulatedSeconds).toBeGreaterThan(24_000)
  })

  it('shorten simulated time with the fidelity', () => {
    expect(table().lookup({ a: 'y', b: 'x' }, 0.5)).toEqual({ metrics: { value: 3 }, simulatedSeconds: 1500 })
  })

  it('move a virtual clock by the simulated time, so that a budget of hours is one of simulated hours', async () => {
    const clock = virtualClock()
    await using found = search({ clock, budget: { hours: 24 } })
    const state = await found.finish()
    expect(state.reason).toBe('time')
    expect(clock.now() / 1000).toBe(state.simulatedSeconds)
    expect(clock.now()).toBeGreaterThanOrEqual(24 * 3600 * 1000)
    expect(clock.now()).toBeLessThan(24 * 3600 * 1000 + 4000 * 1000)
  })

  it.each([
    ['in memory', memoryStore],
    ['by a store that takes its time', slowStore],
  ])('overlap in simulated time when several run at once, and end in order, kept %s', async (_kept, store) => {
    const clock = virtualClock()
    await using found = search({ clock, concurrency: 4, study: store() })
    const running = new Map<number, number>()
    let last = 0
    for await (const event of found.run()) {
      if (event.type === 'trial.proposed') running.set(event.trial, event.at)
      if (event.type !== 'trial.completed') continue
      expect(event.at).toBeGreaterThanOrEqual(last)
      last = event.at
      expect(event.at - (running.get(event.trial) as number)).toBe(1000 * (event.simulatedSeconds as number))
    }
    const { simulatedSeconds } = found.state()
    expect(clock.now() / 1000).toBeLessThan(simulatedSeconds / 2)
    expect(clock.now() / 1000).toBeGreaterThanOrEqual(simulatedSeconds / 4)
  })

  it('fail the trial of an architecture that is not there', async () => {
    const { yy: _, ...three } = rows
    await using found = search({ evaluator: tabular(tableOf({ name: 'three', rows: three, key })) })
    const codes = new Set<string>()
    for await (const event of found.run()) if (event.type === 'trial.failed') codes.add(event.code)
    expect([...codes]).toEqual(['ARCHLOOM_TABLE_ENTRY_UNKNOWN'])
    expect(found.best()[0]?.metrics).toEqual({ value: 3 })
  })

  it('refuse rows that are not all alike and finite, and objectives that are not in the table', () => {
    const bad = (some: Record<string, Record<string, number>>) => () => tableOf({ name: 'bad', rows: some, key })
    expect(bad({})).toThrow('ARCHLOOM_TABLE_ROW')
    expect(bad({ xx: { value: Number.NaN } })).toThrow('ARCHLOOM_TABLE_ROW')
    expect(bad({ xx: { value: 1 }, xy: { other: 1 } })).toThrow('ARCHLOOM_TABLE_ROW')
    expect(() => search({ objectives: { accuracy: 'maximise' } })).toThrow('ARCHLOOM_OBJECTIVE_UNKNOWN_METRIC')
  })
})
