import { describe, expect, it } from 'vitest'
import { realClock, virtualClock } from '../../core/clock.ts'

/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('the virtual clock', () => {
  it('moves only when told', async () => {
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
