import {
  createSearch,
  defineSpace,
  type EvaluatorDefinition,
  integer,
  memoryStore,
  oneOf,
  product,
  readEvents,
  real,
  repeat,
  type SearchSpace,
} from 'archloom'
import { tableOf, tabular } from 'archloom/evaluators/tabular'
import { random } from 'archloom/plugins/random'
import { toySpace } from 'archloom/search-spaces/toy'
import { expect, it } from 'vitest'

/** Knows `cost` before training, and counts how often it trains. */
function counting<A>(cost: (architecture: A) => number | Promise<number>) {
  const counts = { costs: 0, trained: 0 }
  const of = (value: number) => ({ cost: value })
  const definition: EvaluatorDefinition<A> = {
    kind: 'from-scratch',
    name: 'counting',
    metrics: ['accuracy', 'cost'],
    create: () => ({
      kind: 'from-scratch',
      name: 'counting',
      costs: (architecture) => {
        counts.costs++
        const value = cost(architecture)
        return value instanceof Promise ? value.then(of) : of(value)
      },
      evaluate: async ({ architecture }) => {
        counts.trained++
        return { metrics: { accuracy: 0.5, cost: await cost(architecture) } }
      },
    }),
  }
  return { definition, counts }
}

async function eventsOf<A>(space: SearchSpace<A>, evaluator: EvaluatorDefinition<A>, bounds: object, maxTrials = 5) {
  const study = memoryStore()
  await using search = createSearch({
    space,
    evaluator,
    plugins: [random()],
    objectives: { accuracy: 'maximise', cost: { direction: 'minimise', ...bounds } },
    budget: { maxTrials },
    study,
  })
  const thrown = await search.finish().then(
    () => undefined,
    (error: unknown) => String(error),
  )
  const events = await readEvents(study)
  return {
    thrown,
    warnings: events.flatMap((event) => (event.type === 'search.warning' ? [event.code] : [])),
    messages: events.flatMap((event) => (event.type === 'search.warning' ? [event.message] : [])),
    trials: events.filter(({ type }) => type === 'trial.proposed').length,
    proposed: events.flatMap((event) => (event.type === 'trial.proposed' ? [event.genotype.join()] : [])),
  }
}

const small = defineSpace('small', product({ a: oneOf(3, 5, 7), b: oneOf(10, 20) }))
const sum = ({ a, b }: { a: number; b: number }) => a + b

it('a bound that no architecture of a small space keeps is refused before the first trial', async () => {
  const { definition, counts } = counting(sum)
  const { thrown, trials } = await eventsOf(small, definition, { atMost: 12 })
  expect(thrown).toMatch(
    /ARCHLOOM_BOUNDS_UNREACHABLE: none of the 6 architectures of space "small" keeps the bounds cost atMost 12; the nearest one, \{"a":3,"b":10\}, has cost 13\./,
  )
  expect(trials).toBe(0)
  expect(counts).toEqual({ costs: 6, trained: 0 })
})

it('two bounds that each some architecture keeps, but none both, are refused', async () => {
  const { definition } = counting(sum)
  const { thrown } = await eventsOf(small, definition, { atLeast: 18, atMost: 22 })
  expect(thrown).toMatch(/ARCHLOOM_BOUNDS_UNREACHABLE: .*cost atLeast 18, cost atMost 22.*has cost (17|23)/)
  const kept = await eventsOf(small, definition, { atLeast: 17, atMost: 22 })
  expect(kept.thrown).toBeUndefined()
  expect(kept.warnings).toEqual([])
})

it('the bound of a published space is compared with the least of all its networks', async () => {
  const space = toySpace()
  const form = { input: [8, 8, 3], classes: 4 }
  const all = [...space.enumerate()].map((genotype) => space.cost!(space.decode(genotype), form).multiplyAdds)
  const least = Math.min(...all)
  const { definition } = counting<Parameters<NonNullable<typeof space.cost>>[0]>(
    (architecture) => space.cost!(architecture, form).multiplyAdds,
  )
  const { thrown } = await eventsOf(space, definition, { atMost: least - 1 })
  expect(thrown).toContain(`has cost ${least}.`)
  expect((await eventsOf(space, definition, { atMost: least })).thrown).toBeUndefined()
})

const large = defineSpace('large', product({ layers: repeat(12, () => integer(0, 7)) }))
const total = ({ layers }: { layers: readonly number[] }) => layers.reduce((a, b) => a + b, 0)

/** Before the first trial, and at the end. */
const DOUBTFUL = ['ARCHLOOM_BOUNDS_DOUBTFUL', 'ARCHLOOM_SEARCH_NOTHING_FEASIBLE']

it('a bound that only a few of 69 billion architectures keep is found to be kept', async () => {
  // One of 13 among 8¹² architectures: no random one is near it.
  const { definition } = counting(total)
  const { thrown, warnings } = await eventsOf(large, definition, { atMost: 1 })
  expect([thrown, warnings]).toEqual([undefined, ['ARCHLOOM_SEARCH_NOTHING_FEASIBLE']])
})

it('a bound that nothing in a large space keeps is doubted, with the smallest cost that was found', async () => {
  const { definition, counts } = counting((architecture: { layers: readonly number[] }) => 5 + total(architecture))
  const { thrown, warnings, messages, trials } = await eventsOf(large, definition, { atMost: 4 })
  expect([thrown, warnings, trials]).toEqual([undefined, DOUBTFUL, 5])
  expect(messages[0]).toMatch(/keeps the bounds cost atMost 4; the nearest one, \{"layers":\[0,0,0.*\]\}, has cost 5\./)
  expect(counts.trained).toBe(0)
})

it('spaces with real decisions, and costs that take work, are tried less often', async () => {
  const space = defineSpace('reals', product({ rate: real(1, 2) }))
  const { definition, counts } = counting(async ({ rate }: { rate: number }) => rate)
  const { warnings } = await eventsOf(space, definition, { atMost: 0.5 })
  expect(warnings).toEqual(DOUBTFUL)
  expect(counts.costs).toBeLessThan(300)
})

it('a bound that is kept costs a few look-ups and changes no proposal', async () => {
  const { definition, counts } = counting(total)
  const free = await eventsOf(large, definition, {})
  const { costs } = counts
  const bounded = await eventsOf(large, definition, { atMost: 40 })
  expect(bounded.proposed).toEqual(free.proposed)
  expect(counts.costs - costs).toBeLessThan(costs + 20)
})

it('architectures without a known cost are passed over: they prove nothing', async () => {
  const rows = Object.fromEntries([...small.enumerate()].slice(0, 3).map((g) => [g.join(), { accuracy: 1, cost: 9 }]))
  const key = (architecture: { a: number; b: number }) => small.encode(architecture as never).join()
  const table = { ...tableOf({ name: 'part', rows, key }), costs: ['cost'] }
  const { thrown, warnings } = await eventsOf(small, tabular(table) as never, { atMost: 8 })
  expect(thrown).toBeUndefined()
  expect(warnings).toContain('ARCHLOOM_BOUNDS_DOUBTFUL')
})
