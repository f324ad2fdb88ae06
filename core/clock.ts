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

/** Resolves to false after this many milliseconds of real time, without keeping the process alive. */
export const realTimeLimit = (ms: number) =>
  new Promise<false>((resolve) => {
    const timer = setTimeout(() => resolve(false), ms)
    if (typeof timer === 'object') timer.unref?.()
  })

export interface VirtualClock extends Clock {
  /** Move time forward; sleepers that are due wake in order. */
  advance(ms: number): void
}

const isVirtual = (clock: Clock): clock is VirtualClock => 'advance' in clock

interface Gate {
  held: boolean
  readonly waiting: Set<() => void>
}
const gates = new WeakMap<Clock, Gate>()
const gateOf = (clock: Clock): Gate => {
  const gate: Gate = gates.get(clock) ?? { held: false, waiting: new Set() }
  gates.set(clock, gate)
  return gate
}

/** A virtual clock as one search sees it: the same time, held and released apart from other searches. */
export function clockOfSearch(clock: Clock): Clock {
  if (!isVirtual(clock)) return clock
  const own: VirtualClock = {
    now: () => clock.now(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    advance: (ms) => clock.advance(ms),
  }
  return own
}

/**
 * Says whether a search may still start evaluations at the present time of its clock. While it may, evaluators that
 * simulate time let none pass.
 */
export function holdTime(clock: Clock, isHeld: boolean): void {
  if (!isVirtual(clock)) return
  const gate = gateOf(clock)
  gate.held = isHeld
  if (isHeld) return
  const waiting = [...gate.waiting]
  gate.waiting.clear()
  for (const wake of waiting) wake()
}

/** Whether a search holds the time of this clock. */
export const isTimeHeld = (clock: Clock): boolean => gates.get(clock)?.held ?? false

/** Resolves once no search holds the time of this clock. */
export const timeReleased = (clock: Clock): Promise<void> =>
  new Promise((resolve) => {
    const gate = gateOf(clock)
    if (gate.held) gate.waiting.add(resolve)
    else resolve()
  })

/**
 * A clock that moves only when `advance` is called, for simulated training time and for tests of budgets and timeouts.
 */
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
