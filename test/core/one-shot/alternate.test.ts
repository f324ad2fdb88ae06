import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../../core/clock.ts'
import {
  alternate,
  type OneShotEpoch,
  type OneShotMethod,
  type OneShotSteps,
} from '../../../core/one-shot/alternate.ts'
import { stepMeans } from '../../../core/one-shot/means.ts'
import type { EventDraft, FinishReason } from '../../../core/trial/events.ts'

const parts = (overrides: { signal?: AbortSignal; spent?: () => FinishReason | undefined } = {}) => ({
  signal: new AbortController().signal,
  spent: () => undefined,
  ...overrides,
})

async function* steps(count: number, value: (step: number) => number = () => 1) {
  for (let step = 0; step < count; step++) yield { value: value(step) }
}

function recording(done = 0): OneShotMethod & { readonly calls: string[] } {
  const calls: string[] = []
  const stage = (name: string) => ({ name, warmUpEpochs: 1, epochs: 2, facts: {} })
  const said = (what: string, { stage: at, index, warmUp }: OneShotEpoch) =>
    `${what} ${at}/${index}${warmUp ? ' warm-up' : ''}`
  return {
    calls,
    stages: [stage('a'), stage('b')],
    done,
    enter: (index) => calls.push(`enter ${index}`),
    weights: (epoch) => {
      calls.push(said('weights', epoch))
      return steps(3)
    },
    policy: (epoch) => {
      calls.push(said('policy', epoch))
      return steps(2)
    },
    saved: async (epochs, last) => {
      calls.push(`saved ${epochs}${last ? ' last' : ''}`)
      return epochs % 2 === 0 ? `file ${epochs}` : undefined
    },
    async *derive(index, last) {
      calls.push(`derive ${index}${last ? ' last' : ''}`)
      yield { type: 'plugin.event', plugin: 'test', name: 'derived', facts: index }
    },
  }
}

async function collect(generator: AsyncGenerator<EventDraft, FinishReason>) {
  const events: EventDraft[] = []
  for (;;) {
    const step = await generator.next()
    if (step.done) return { events, reason: step.value }
    events.push(step.value)
  }
}

describe('alternate', () => {
  it('warms up without policy steps, alternates, saves, derives; stage after stage', async () => {
    const method = recording()
    const { events, reason } = await collect(alternate(method, parts()))
    expect(reason).toBe('algorithm')
    expect(method.calls).toEqual([
      ...['enter 0', 'weights 0/0 warm-up', 'saved 1', 'weights 0/1', 'policy 0/1', 'saved 2'],
      ...['weights 0/2', 'policy 0/2', 'saved 3', 'derive 0'],
      ...['enter 1', 'weights 1/3 warm-up', 'saved 4', 'weights 1/4', 'policy 1/4', 'saved 5'],
      ...['weights 1/5', 'policy 1/5', 'saved 6 last', 'derive 1 last'],
    ])
    expect(events.filter(({ type }) => type === 'checkpoint.written')).toHaveLength(3)
    expect(events.flatMap((e) => (e.type === 'policy.progress' ? [e.step] : []))).toEqual([2, 4, 6, 8])
    expect(events.flatMap((e) => (e.type === 'weights.progress' ? [e.step] : [])).at(-1)).toBe(18)
  })

  it.each([1, 3, 4])('goes on after %i epochs exactly where it would have been', async (done) => {
    const [whole, rest] = [recording(), recording(done)]
    await collect(alternate(whole, parts()))
    await collect(alternate(rest, parts()))
    const after = whole.calls.slice(whole.calls.indexOf(`saved ${done}`) + 1)
    expect(rest.calls.filter((call) => /^(weights|policy|saved)/.test(call))).toEqual(
      after.filter((call) => /^(weights|policy|saved)/.test(call)),
    )
    expect(rest.calls[0]).toBe(done < 3 ? 'enter 0' : 'enter 1')
  })

  it('a search whose epochs are all done enters its last stage and derives again', async () => {
    const method = recording(6)
    await collect(alternate(method, parts()))
    expect(method.calls).toEqual(['enter 1', 'derive 1 last'])
  })

  it('reports means over the steps of an event', async () => {
    const method: OneShotMethod = { ...recording(), stages: [{ name: 'a', warmUpEpochs: 0, epochs: 1, facts: {} }] }
    const counted = { ...method, weights: () => steps(5, (step) => step), policy: () => steps(0) }
    const { events } = await collect(alternate(counted, parts(), { reportEvery: 2 }))
    expect(events.flatMap((e) => (e.type === 'weights.progress' ? [[e.step, e.metrics.value]] : []))).toEqual([
      [2, 0.5],
      [4, 2.5],
      [5, 4],
    ])
  })

  it('spent time ends the training, not the derivation; an abort ends both', async () => {
    const timed = recording()
    const { reason } = await collect(alternate(timed, parts({ spent: () => 'time' })))
    expect(reason).toBe('time')
    // The epoch was cut short after its first step: it is not saved.
    expect(timed.calls).toEqual(['enter 0', 'weights 0/0 warm-up', 'derive 0 last'])
    const stop = new AbortController()
    const stopped = recording()
    const stopping: OneShotMethod = {
      ...stopped,
      async *weights() {
        yield { value: 1 }
        stop.abort()
        yield { value: 1 }
      },
    }
    await collect(alternate(stopping, parts({ signal: stop.signal })))
    expect(stopped.calls).toEqual(['enter 0'])
  })

  it('looks at the time after every step: an epoch that is longer than the budget ends at the step', async () => {
    const clock = virtualClock()
    const method = recording()
    let trained = 0
    const long: OneShotMethod = {
      ...method,
      async *weights() {
        // An hour a step, a thousand steps an epoch.
        for (let step = 0; step < 1000; step++) {
          clock.advance(3_600_000)
          trained++
          yield { value: 1 }
        }
      },
    }
    const spent = () => (clock.now() >= 5 * 3_600_000 ? ('time' as const) : undefined)
    const { events, reason } = await collect(alternate(long, parts({ spent }), { reportEvery: 2 }))
    expect(reason).toBe('time')
    expect(trained).toBe(5)
    // What was done is told; an epoch cut short is no checkpoint; the derivation still comes.
    expect(events.flatMap((e) => (e.type === 'weights.progress' ? [e.step] : []))).toEqual([2, 4, 5])
    expect(method.calls).toEqual(['enter 0', 'derive 0 last'])
  })

  it('gives timers their turn between steps that wait for nothing', async () => {
    const method = recording()
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    try {
      const busy = { ...method, weights: () => steps(400), stages: method.stages.slice(0, 1) }
      await collect(alternate({ ...busy, saved: async () => undefined }, parts()))
    } finally {
      clearInterval(timer)
    }
    expect(turns).toBeGreaterThan(0)
  })

  it('hands the steps taken to whoever saves, also those of earlier processes', async () => {
    const saved: OneShotSteps[] = []
    const method: OneShotMethod = {
      ...recording(1),
      before: { weights: 3, policy: 0 },
      saved: async (_, __, taken) => {
        saved.push(taken)
        return undefined
      },
    }
    await collect(alternate(method, parts()))
    expect(saved).toEqual([
      { weights: 6, policy: 2 },
      { weights: 9, policy: 4 },
      { weights: 12, policy: 4 },
      { weights: 15, policy: 6 },
      { weights: 18, policy: 8 },
    ])
  })
})

describe('stepMeans', () => {
  it('averages each metric over the steps that had it, and then starts again', () => {
    const means = stepMeans()
    means.add({ loss: 1 })
    means.add({ loss: 3, extra: 10 })
    expect(means.count).toBe(2)
    expect(means.take()).toEqual({ loss: 2, extra: 10 })
    expect(means.count).toBe(0)
    means.add({ loss: 5 })
    expect(means.take()).toEqual({ loss: 5 })
  })
})
