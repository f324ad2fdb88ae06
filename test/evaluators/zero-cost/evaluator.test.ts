import { createSearch, memoryStore, type SearchSpace } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { withZeroCost, zeroCost } from 'archloom/evaluators/zero-cost'
import { predictor } from 'archloom/plugins/predictor'
import { random } from 'archloom/plugins/random'
import { toySpace } from 'archloom/search-spaces/toy'
import { describe, expect, it } from 'vitest'
import type { EvaluatorDefinition } from '../../../core/evaluator.ts'

const data = generatedImages({ classes: 3, size: 8, train: 48, validation: 16, test: 16 })
const space = toySpace() as SearchSpace

/** Looks like training, and says which architectures reached it. */
const pretended = (reached: unknown[]): EvaluatorDefinition => ({
  kind: 'from-scratch',
  name: 'pretended',
  metrics: ['accuracy'],
  create: () => ({
    kind: 'from-scratch',
    name: 'pretended',
    async evaluate({ architecture }) {
      reached.push(architecture)
      return { metrics: { accuracy: 0.5 } }
    },
  }),
})

describe('zero-cost scores', () => {
  it('are the metrics of an evaluator', async () => {
    await using search = createSearch({
      space,
      evaluator: zeroCost({ data, proxies: ['naswot', 'snip', 'parameters'], batchSize: 8, engine: 'cpu' }),
      plugins: [random()],
      objectives: { naswot: 'maximise', parameters: 'minimise' },
      budget: { maxTrials: 4 },
      study: memoryStore(),
    })
    expect(await search.finish()).toMatchObject({ completed: 4, failed: 0 })
    for (const { metrics } of search.record().trials)
      expect(Object.keys(metrics).sort()).toEqual(['naswot', 'parameters', 'snip'])
  })

  it('filter architectures before they are trained, by a bound', async () => {
    const all: unknown[] = []
    const reached: unknown[] = []
    const compose = (inner: EvaluatorDefinition, more: object) =>
      createSearch({
        space,
        evaluator: withZeroCost(inner, { input: [8, 8, 3], classes: 3, proxies: ['synflow', 'depth'], engine: 'cpu' }),
        plugins: [random()],
        objectives: { accuracy: 'maximise', ...more },
        budget: { maxTrials: 12 },
        study: memoryStore(),
        seed: 2,
      })
    await using free = compose(pretended(all), {})
    await free.finish()
    const scores = free
      .record()
      .trials.map(({ metrics }) => metrics.synflow!)
      .sort((a, b) => a - b)
    const middle = (scores[5]! + scores[6]!) / 2
    await using bounded = compose(pretended(reached), {
      synflow: { direction: 'maximise', atLeast: middle, weight: 0 },
    })
    const state = await bounded.finish()
    expect(all).toHaveLength(12)
    expect(reached).toHaveLength(state.completed)
    expect(state.completed + state.pruned).toBe(12)
    expect(state.pruned).toBeGreaterThan(2)
    const trials = bounded.record().trials
    for (const { status, metrics, prunedBy } of trials) {
      expect(metrics.synflow! >= middle).toBe(status === 'completed')
      expect(prunedBy).toBe(status === 'completed' ? undefined : 'bounds')
    }
  })

  it('are what a predictor starts from, below every trained trial', async () => {
    await using scout = createSearch({
      space,
      evaluator: zeroCost({ input: [8, 8, 3], classes: 3, proxies: ['synflow'], engine: 'cpu' }),
      plugins: [random()],
      objectives: { synflow: 'maximise' },
      budget: { maxTrials: 12 },
      study: memoryStore(),
    })
    await scout.finish()
    const store = memoryStore()
    const warmStart = scout
      .record()
      .trials.map(({ genotype, metrics }) => ({ genotype, metrics: { accuracy: metrics.synflow! }, fidelity: 0.001 }))
    await using search = createSearch({
      space,
      evaluator: pretended([]),
      plugins: [predictor({ members: 4, candidates: 10 })],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: 4 },
      study: store,
      warmStart,
    })
    await search.finish()
    await using again = createSearch({
      space,
      evaluator: pretended([]),
      plugins: [predictor({ members: 4, candidates: 10 })],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: 4 },
      study: store,
    })
    await again.open()
    expect(again.state().completed).toBe(4)
    expect(search.best(1)[0]!.metrics.accuracy).toBe(0.5)
  })

  it('refuse what they cannot work with', async () => {
    expect(() => zeroCost({ proxies: ['snip'] })).toThrow(/ARCHLOOM_OPTION.*data.*because snip look at images/)
    expect(() => zeroCost({ proxies: ['synflow'] })).toThrow(/ARCHLOOM_OPTION.*input/)
    expect(() => zeroCost({ proxies: ['synfow' as 'synflow'], input: [4] })).toThrow(/ARCHLOOM_OPTION.*proxies/)
    expect(() => zeroCost({ proxies: ['depth'], input: [4], batch: 3 } as never)).toThrow(/batchSize/)
  })
})
