import {
  ArchloomError,
  createSearch,
  definePlugin,
  memoryStore,
  type Objectives,
  type Plugin,
  readEvents,
  type Scheduler,
} from 'archloom'
import { expect, it } from 'vitest'
import { climbing, digits, sum } from './parts.ts'

type Digits = { readonly digit: readonly number[] }

/** The warnings of a finished search, as "code: message", and the type of its last event. */
async function ended(
  evaluate: (architecture: Digits, trial: number) => Readonly<Record<string, number>>,
  { objectives = { sum: 'maximise' }, maxTrials = 5, more = [] as readonly Plugin[], store = memoryStore() } = {} as {
    objectives?: Objectives
    maxTrials?: number
    more?: readonly Plugin[]
    store?: ReturnType<typeof memoryStore>
  },
) {
  await using search = createSearch({
    space: digits,
    evaluator: (architecture: Digits, { trial }) => evaluate(architecture, trial),
    plugins: [climbing(), ...more],
    objectives,
    budget: { maxTrials },
    study: store,
  })
  await search.finish()
  const events = await readEvents(store)
  const warnings = events.flatMap((event) =>
    event.type === 'search.warning' ? [`${event.code}: ${event.message}`] : [],
  )
  return { warnings, last: events.at(-1)?.type }
}

class Broken extends ArchloomError {}

it('a search whose trials all failed says how many, and with which error most often', async () => {
  const codes = ['ARCHLOOM_A', 'ARCHLOOM_B', 'ARCHLOOM_B', 'ARCHLOOM_A', 'ARCHLOOM_B']
  const { warnings, last } = await ended((_, trial) => {
    throw new Broken(codes[trial]!, `no memory for trial ${trial}.`)
  })
  expect(warnings).toEqual([
    'ARCHLOOM_SEARCH_NOTHING_COMPLETED: all 5 trials failed most often (3 times) with ARCHLOOM_B: no memory for trial 1. Correct the cause, then continue the study.',
  ])
  expect(last).toBe('search.finished')
})

it('a search in which no trial kept the bounds names the nearest one', async () => {
  const sums = [4, 2, 3]
  const { warnings } = await ended(
    (_, trial) => {
      if (trial > 2) throw new Broken('ARCHLOOM_A', 'no memory')
      return { sum: sums[trial]! }
    },
    { objectives: { sum: { direction: 'maximise', atMost: 1 } } },
  )
  expect(warnings).toEqual([
    expect.stringMatching(
      /^ARCHLOOM_SEARCH_NOTHING_FEASIBLE: none of 3 measured trials keeps the bounds sum atMost 1\. The nearest, trial 1 \(\{"digit":\[\d,\d,\d,\d\]\}\), has sum 2\. 2 other trials failed with ARCHLOOM_A: no memory\. Relax the bounds/,
    ),
  ])
})

it('a search whose trials were all pruned says so', async () => {
  const stop: Scheduler = { start: () => ({ fidelity: 0.5 }), report: () => 'stop', promote: () => undefined }
  const pruning = definePlugin({
    name: 'pruning',
    provides: ['scheduler'],
    bind: ({ scheduler }) => scheduler.to(() => stop),
  })
  const { warnings } = await ended((architecture) => ({ sum: sum(architecture) }), { more: [pruning] })
  expect(warnings).toEqual([
    expect.stringMatching(/^ARCHLOOM_SEARCH_NOTHING_COMPLETED: no trial was completed: 5 trials were pruned/),
  ])
})

it('a search with a feasible result, or without any trial, says nothing', async () => {
  const store = memoryStore()
  const evaluate = (architecture: Digits, trial: number) => {
    if (trial < 2) throw new Broken('ARCHLOOM_A', 'no memory')
    return { sum: sum(architecture) }
  }
  const first = await ended(evaluate, { maxTrials: 2, store })
  const second = await ended(evaluate, { maxTrials: 3, store })
  // The first session had no result; the second one adds no warning.
  expect([first.warnings.length, second.warnings.length]).toEqual([1, 1])
  expect((await ended(evaluate)).warnings).toEqual([])
})
