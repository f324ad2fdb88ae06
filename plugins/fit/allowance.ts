import { type Clock, realClock } from '../../core/clock.ts'
import { milliseconds, type Pace, steps } from '../../evaluators/training/index.ts'

/** How much may be spent: a time, or a number of training steps that makes a run repeat exactly. */
export type Budget = { readonly minutes: number } | { readonly steps: number }

/** What is left of a budget, and stretches of it. */
export interface Allowance {
  /** Whether the budget is a time. */
  readonly timed: boolean
  /** Training steps of the whole budget; undefined where the budget is a time. */
  readonly steps: number | undefined
  /** Seconds since the allowance began. */
  seconds(): number
  /** Seconds that are left; infinite for a budget of steps. */
  left(): number
  /** A pace for a share of the whole budget. */
  stretch(share: number): Pace
  /** A pace for everything that is left when `spent` of the whole, by steps, is gone. */
  rest(spent: number): Pace
}

/**
 * Begins to spend a budget. Time is the clock's; `processorClock` counts what this process really computed, which
 * compares runs on a machine that others use, too.
 */
export function allowance(budget: Budget, clock: Clock = realClock): Allowance {
  const began = clock.now()
  const now = () => clock.now()
  const elapsed = () => clock.now() - began
  const timed = 'minutes' in budget
  const total = timed ? 60_000 * budget.minutes : budget.steps
  return {
    timed,
    steps: timed ? undefined : total,
    seconds: () => elapsed() / 1000,
    left: () => (timed ? (total - elapsed()) / 1000 : Number.POSITIVE_INFINITY),
    stretch: (share) => (timed ? milliseconds(share * total, now) : steps(Math.max(1, Math.round(share * total)))),
    rest: (spent) =>
      timed ? milliseconds(Math.max(1, total - elapsed()), now) : steps(Math.max(1, Math.round(total - spent))),
  }
}

/** Processor time of this process, user and system, all threads. It does not sleep. */
export const processorClock: Clock = {
  now: () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  sleep: (ms, signal) => realClock.sleep(ms, signal),
}
