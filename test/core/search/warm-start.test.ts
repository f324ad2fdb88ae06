import {
  createSearch,
  defineSpace,
  memoryStore,
  oneOf,
  type Plugin,
  product,
  readEvents,
  readRecord,
  repeat,
  type SearchEvent,
  StudyRecord,
  studiesAt,
  virtualClock,
} from 'archloom'
import { annealing } from 'archloom/plugins/annealing'
import { cmaEs } from 'archloom/plugins/cma-es'
import { evolution } from 'archloom/plugins/evolution'
import { gp } from 'archloom/plugins/gp'
import { localSearch } from 'archloom/plugins/local-search'
import { nsga2 } from 'archloom/plugins/nsga2'
import { predictor } from 'archloom/plugins/predictor'
import { random } from 'archloom/plugins/random'
import { reinforce } from 'archloom/plugins/reinforce'
import { sobol } from 'archloom/plugins/sobol'
import { tpe } from 'archloom/plugins/tpe'
import { describe, expect, it } from 'vitest'

const space = defineSpace('warm', product({ digit: repeat(6, () => oneOf(0, 1, 2, 3)) }))
type Digits = { readonly digit: readonly number[] }
const sum = ({ digit }: Digits) => digit.reduce((a, b) => a + b, 0)

const compose = (plugin: Plugin, more: object = {}) =>
  createSearch<Digits>({
    space: space as never,
    evaluator: (architecture) => ({ sum: sum(architecture), cost: architecture.digit[0]! }),
    plugins: [plugin],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 20 },
    seed: 3,
    clock: virtualClock(),
    study: memoryStore(),
    ...more,
  })

async function earlier(trials = 40) {
  const store = memoryStore('earlier')
  await using search = compose(random(), { study: store, budget: { maxTrials: trials }, seed: 11 })
  await search.finish()
  return readRecord(store)
}

const plain = ({ at: _, ...event }: SearchEvent) => event

const controllers: readonly (readonly [string, () => Plugin])[] = [
  ['random', random],
  ['evolution', () => evolution({ population: 8, sample: 3 })],
  ['reinforce', () => reinforce({ policy: 'categorical' })],
  ['local-search', localSearch],
  ['tpe', tpe],
  ['gp', () => gp({ candidates: 10 })],
  ['cma-es', () => cmaEs({ population: 4 })],
  ['annealing', annealing],
  ['nsga2', () => nsga2({ population: 8 })],
  ['sobol', sobol],
  ['predictor', () => predictor({ members: 4, candidates: 20 })],
]

describe.each(controllers)('a warm start of %s', (_, controller) => {
  it('is journalled, so that a study cut anywhere continues identically without the other study', async () => {
    const store = memoryStore()
    await using whole = compose(controller(), { study: store, warmStart: await earlier() })
    const state = await whole.finish()
    expect(state).toMatchObject({ status: 'finished', proposed: 20, completed: 20 })
    const events = await readEvents(store)
    expect(events[1]).toMatchObject({ type: 'controller.warmed', from: 'earlier' })
    for (const cut of [2, 3, Math.floor(events.length / 2)]) {
      const half = memoryStore()
      half.append(events.slice(0, cut))
      await using again = compose(controller(), { study: half })
      expect((await again.finish()).status).toBe('finished')
      const rest = (await readEvents(half)).filter(({ type }) => type !== 'search.resumed')
      expect(rest.map((event) => ({ ...plain(event), seq: 0 }))).toEqual(
        events.map((event) => ({ ...plain(event), seq: 0 })),
      )
    }
  })
})

describe('a warm start', () => {
  it('replaces the random trials of a model, and is not a trial of the search', async () => {
    const record = await earlier(60)
    const firstFive = async (more: object) => {
      await using search = compose(tpe(), { budget: { maxTrials: 5 }, ...more })
      await search.finish()
      expect(search.record().trials).toHaveLength(5)
      return search.record().trials.map(({ reward }) => reward!)
    }
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
    const [cold, warm] = [await firstFive({}), await firstFive({ warmStart: record })]
    expect(mean(warm)).toBeGreaterThan(mean(cold) + 2)
  })

  it('takes a study by its name, a record, or results of one’s own', async () => {
    const storage = 'memory:warm-start'
    await using first = compose(random(), { study: { name: 'week-1', storage } })
    await first.finish()
    await using second = compose(tpe(), { study: { name: 'week-2', storage }, warmStart: 'week-1' })
    await second.finish()
    const store = await (await studiesAt(storage)).open('week-2')
    expect((await readEvents(store))[1]).toMatchObject({ from: 'week-1', trials: { length: 20 } })
    const own = memoryStore()
    await using third = compose(tpe(), {
      study: own,
      warmStart: [
        { architecture: { digit: [0, 1, 2, 3, 0, 1] }, metrics: { sum: 7, note: Number.POSITIVE_INFINITY } },
        { genotype: [3, 3, 3, 3, 3, 3], metrics: { sum: 18 } },
        { genotype: [0, 0, 0, 0, 0, 0], metrics: { cost: 18 } },
      ],
    })
    await third.finish()
    // Numbers that are not finite are left out, and so are results without an objective.
    expect((await readEvents(own))[1]).toMatchObject({
      from: 'results',
      trials: [
        { genotype: [0, 1, 2, 3, 0, 1], metrics: { sum: 7 } },
        { genotype: [3, 3, 3, 3, 3, 3], metrics: { sum: 18 } },
      ],
    })
  })

  it('goes before the first trial only, also where a process died before it', async () => {
    const store = memoryStore()
    await using whole = compose(evolution({ population: 8 }), { study: store })
    await whole.finish()
    const begun = memoryStore()
    begun.append((await readEvents(store)).slice(0, 1))
    await using warm = compose(evolution({ population: 8 }), { study: begun, warmStart: await earlier() })
    await warm.finish()
    expect((await readEvents(begun)).map(({ type }) => type).slice(0, 3)).toEqual([
      'search.started',
      'search.resumed',
      'controller.warmed',
    ])
    // A study with trials is not warmed any more.
    await using late = compose(evolution({ population: 8 }), {
      study: store,
      warmStart: await earlier(),
      budget: { maxTrials: 22 },
    })
    await late.finish()
    expect((await readEvents(store)).some(({ type }) => type === 'controller.warmed')).toBe(false)
  })

  it('is refused by its form where a journal was damaged', async () => {
    const store = memoryStore()
    await using whole = compose(tpe(), { study: store, warmStart: await earlier(5) })
    await whole.finish()
    const [started, warmed] = await readEvents(store)
    for (const trials of [undefined, [{ genotype: [0], metrics: 'none' }], [{ metrics: {} }]]) {
      const damaged = memoryStore()
      damaged.append([started!, { ...warmed!, trials } as never])
      await using again = compose(tpe(), { study: damaged })
      await expect(again.open()).rejects.toThrow('ARCHLOOM_STUDY_CORRUPT')
    }
  })

  it('refuses what it cannot use', async () => {
    const record = await earlier(5)
    await using others = compose(random(), { warmStart: record, objectives: { cost: 'minimise', time: 'minimise' } })
    await expect(others.finish()).rejects.toThrow(/ARCHLOOM_WARM_START_EMPTY: .*\["cost","time"\] among 5/)
    await using unnamed = compose(random(), { warmStart: 'nowhere' })
    await expect(unnamed.finish()).rejects.toThrow(/ARCHLOOM_WARM_START_STORE: .*"nowhere"/)
    await using missing = compose(random(), { warmStart: 'nowhere', study: { name: 'x', storage: 'memory:warm-none' } })
    await expect(missing.finish()).rejects.toThrow('ARCHLOOM_STUDY_NOT_FOUND')
    await using wrong = compose(random(), { warmStart: [{ genotype: [9, 0, 0, 0, 0, 0], metrics: { sum: 1 } }] })
    await expect(wrong.finish()).rejects.toThrow('ARCHLOOM_GENOTYPE_INVALID')
    await using shapeless = compose(random(), { warmStart: [{ genotype: [0] }] })
    await expect(shapeless.finish()).rejects.toThrow(/ARCHLOOM_OPTION.*warmStart/)
    await using beyond = compose(random(), {
      warmStart: [{ genotype: [0, 0, 0, 0, 0, 0], metrics: { sum: 1 }, fidelity: 2 }],
    })
    await expect(beyond.finish()).rejects.toThrow(/ARCHLOOM_OPTION.*fidelities/)
    await using number = compose(random(), { warmStart: 7 })
    await expect(number.finish()).rejects.toThrow(/ARCHLOOM_OPTION.*warmStart/)
    const other = defineSpace('other', product({ digit: repeat(2, () => oneOf(0, 1)) }))
    await using elsewhere = compose(random(), { warmStart: record, space: other })
    await expect(elsewhere.finish()).rejects.toThrow(/ARCHLOOM_STUDY_MISMATCH.*space/)
    expect(record).toBeInstanceOf(StudyRecord)
  })
})
