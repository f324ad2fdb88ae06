/** Time as an argument: milliseconds since the epoch, and a way to wait. */
export interface Clock {
  now(): number
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Timers take at most this many milliseconds, 24.8 days; longer ones would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * The wall-clock time at the start of the process plus the monotonic time since then: a change of the system time does
 * not shift it.
 */
export const realClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  async sleep(ms, signal) {
    for (let left = ms; left > LONGEST_TIMER && !signal?.aborted; left -= LONGEST_TIMER)
      await sleepOnce(LONGEST_TIMER, signal)
    await sleepOnce(ms % LONGEST_TIMER, signal)
  },
}

const sleepOnce = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })

export interface VirtualClock extends Clock {
  /** Move time forward; sleepers that are due wake in order. */
  advance(ms: number): void
}

/** A clock that only moves when told: simulated training time, and tests of budgets and timeouts. */
export function virtualClock(start = 0): VirtualClock {
  let now = start
  const sleepers: { at: number; wake: () => void }[] = []
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (ms <= 0 || signal?.aborted) return resolve()
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          const index = sleepers.indexOf(sleeper)
          if (index >= 0) sleepers.splice(index, 1)
          resolve()
        })
      }),
    advance: (ms) => {
      now += ms
      const due = sleepers.filter((sleeper) => sleeper.at <= now).sort((a, b) => a.at - b.at)
      for (const sleeper of due) {
        sleepers.splice(sleepers.indexOf(sleeper), 1)
        sleeper.wake()
      }
    },
  }
}
