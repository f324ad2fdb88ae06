/** Seconds that a job with several trials should take at most. */
const JOB_SECONDS = 0.05
/** Maximum number of trials in a job whose size is not fixed. */
const LIMIT = 64
/** Jobs for each place of a worker, so that it has the next one when it finishes one. */
const JOBS_PER_PLACE = 2
/** Number of trials over which the mean duration is formed. */
const WINDOW = 100

export interface Load {
  /** Number of evaluations that the search waits for. */
  readonly pending: number
  /** Number of evaluations that all known workers perform at once. */
  readonly places: number
}

/** Decides how many trials one job holds. */
export interface JobSize {
  /** Takes note of how long a worker evaluated a trial. */
  saw(seconds: number): void
  /** Number of trials for the next job. */
  next(load: Load): number
  /** Whether a job with fewer trials may wait a moment for more. */
  readonly mayWait: boolean
}

/**
 * A fixed number of trials, or as many as workers evaluate in a twentieth of a second. A job costs a few tenths of a
 * millisecond in the search, in Redis and in the worker, which matters only for trials that are about as short. A single
 * long trial among many short ones raises the mean, so that few trials wait behind the next one of its kind.
 */
export function jobSize(fixed: number | undefined): JobSize {
  if (fixed !== undefined) return { saw() {}, next: () => fixed, mayWait: false }
  let mean = 0
  let count = 0
  return {
    mayWait: true,
    saw(seconds) {
      count = Math.min(count + 1, WINDOW)
      mean += (seconds - mean) / count
    },
    next({ pending, places }) {
      if (count === 0) return 1
      const fair = pending / (JOBS_PER_PLACE * Math.max(1, places))
      return Math.max(1, Math.floor(Math.min(LIMIT, JOB_SECONDS / mean, fair)))
    },
  }
}
