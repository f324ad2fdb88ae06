import { nearest } from '../options/index.ts'
import type { FinishReason } from '../trial/events.ts'
import { error } from './errors.ts'

/** When to stop: whichever limit is met first. */
export interface Budget {
  /** Total number of trials, across resumes. */
  readonly maxTrials?: number
  /** Total time, across resumes; hours, minutes and seconds are added up. */
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
  /** Time limit of one evaluation. A longer evaluation is aborted and recorded as a failed trial. */
  readonly trialSeconds?: number
  /** Stops the search when this many trials in a row have failed. Default: 25. */
  readonly maxConsecutiveFailures?: number
  /** Number of further attempts at a trial whose evaluation failed. Default: 0. */
  readonly retries?: number
}

const fields = ['maxTrials', 'hours', 'minutes', 'seconds', 'trialSeconds', 'maxConsecutiveFailures', 'retries']
const known = Object.fromEntries(fields.map((field) => [field, true as const]))

export interface ResolvedBudget {
  readonly maxTrials: number
  readonly maxMs: number
  readonly trialMs: number
  readonly maxConsecutiveFailures: number
  readonly retries: number
}

export function resolveBudget(budget: Budget): ResolvedBudget {
  for (const [field, value] of Object.entries(budget)) {
    if (!fields.includes(field))
      throw error('ARCHLOOM_BUDGET_INVALID', {
        field,
        received: value,
        expected: `one of ${fields.join(', ')}`,
        suggestion: nearest(field, known),
      })
    if (value === undefined) continue
    const whole = field === 'maxTrials' || field === 'maxConsecutiveFailures' || field === 'retries'
    if (
      !(
        typeof value === 'number' &&
        (value > 0 || (field === 'retries' && value === 0)) &&
        (!whole || Number.isInteger(value) || value === Number.POSITIVE_INFINITY)
      )
    )
      throw error('ARCHLOOM_BUDGET_INVALID', {
        field,
        received: value,
        expected: whole ? 'a positive whole number' : 'a positive number',
      })
  }
  const seconds = (budget.hours ?? 0) * 3600 + (budget.minutes ?? 0) * 60 + (budget.seconds ?? 0)
  return {
    maxTrials: budget.maxTrials ?? Number.POSITIVE_INFINITY,
    maxMs: seconds > 0 ? seconds * 1000 : Number.POSITIVE_INFINITY,
    trialMs: (budget.trialSeconds ?? Number.POSITIVE_INFINITY) * 1000,
    maxConsecutiveFailures: budget.maxConsecutiveFailures ?? 25,
    retries: budget.retries ?? 0,
  }
}

export interface Spent {
  readonly proposed: number
  readonly elapsedMs: number
  readonly consecutiveFailures: number
  readonly targetReached: boolean
}

/** The reason to propose no further trial, or undefined. */
export function spentReason(budget: ResolvedBudget, spent: Spent): FinishReason | undefined {
  if (spent.targetReached) return 'target'
  if (spent.proposed >= budget.maxTrials) return 'trials'
  if (spent.elapsedMs >= budget.maxMs) return 'time'
  if (spent.consecutiveFailures >= budget.maxConsecutiveFailures) return 'failures'
  return undefined
}
