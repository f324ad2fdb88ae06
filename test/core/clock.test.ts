import { createSearch, memoryStore } from 'archloom'
import { describe, expect, it, vi } from 'vitest'
import { realClock, virtualClock } from '../../core/clock.ts'
import { climbing, digits, sum } from './search/parts.ts'

/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('the real clock', () => {
  it.each([11, -11])(
    'is not moved by a change of the system time by %s days, and no budget is spent by it',
    async (days) => {
      const started = realClock.now()
      vi.useFakeTimers({ toFake: ['Date'], now: started })
      try {
        await using search = createSearch({
          space: digits,
          evaluator: (architecture, { trial }) => {
            if (trial === 1) vi.setSystemTime(started + days * 86_400_000)
            return { sum: sum(architecture) }
          },
          plugins: [climbing()],
          objectives: { sum: 'maximise' },
          budget: { maxTrials: 5, hours: 24 },
          study: memoryStore(),
        })
        expect(await search.finish()).toMatchObject({ reason: 'trials', completed: 5 })
        expect(Math.abs(Number(vi.getMockedSystemTime()) - started)).toBeGreaterThan(86_400_000)
        expect(Math.abs(realClock.now() - started)).toBeLessThan(3_600_000)
        expect(search.state().elapsedMs).toBeLessThan(3_600_000)
      } finally {
        vi.useRealTimers()
      }
    },
  )
})

describe('the virtual clock', () => {
  it('moves only on request', async () => {
    const clock = virtualClock(1_000)
    expect(clock.now()).toBe(1_000)
    await settle()
    clock.advance(250)
    expect(clock.now()).toBe(1_250)
  })

  it('wakes sleepers when they are due, in the order of their times', async () => {
    const clock = virtualClock()
    const woken: string[] = []
    for (const [name, ms] of [
      ['late', 30],
      ['early', 10],
      ['middle', 20],
    ] as const)
      void clock.sleep(ms).then(() => woken.push(name))
    clock.advance(9)
    await settle()
    expect(woken).toEqual([])
    clock.advance(1)
    await settle()
    expect(woken).toEqual(['early'])
    clock.advance(100)
    await settle()
    expect(woken).toEqual(['early', 'middle', 'late'])
  })

  it('does not wait for nothing, nor after an abort', async () => {
    const clock = virtualClock()
    await clock.sleep(0)
    await clock.sleep(-1)
    await clock.sleep(10, AbortSignal.abort())
    const abort = new AbortController()
    const sleeping = clock.sleep(10, abort.signal)
    abort.abort()
    await sleeping
    expect(clock.now()).toBe(0)
  })
})

describe('the real clock', () => {
  it('never goes back, and sleeps until woken by time or by an abort', async () => {
    const before = realClock.now()
    await realClock.sleep(5)
    expect(realClock.now()).toBeGreaterThanOrEqual(before)
    const abort = new AbortController()
    const sleeping = realClock.sleep(3_600_000, abort.signal)
    abort.abort()
    await sleeping
    await realClock.sleep(3_600_000, AbortSignal.abort())
  })
})
