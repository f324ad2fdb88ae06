import type { FinishReason, SearchEvent, TrialPoint } from '../trial/events.ts'
import { dominates, gainsOf, type ResolvedObjective, reachesTarget } from '../trial/objective.ts'

/** The state of a search: a fold over its events. Its size does not grow with the number of trials. */
export interface SearchState {
  readonly status: 'idle' | 'running' | 'finished' | 'stopped'
  readonly reason?: FinishReason | string
  readonly study: string
  readonly seed: number
  readonly objectives: readonly ResolvedObjective[]
  /** Trials so far, and how many of them are completed, pruned, failed. */
  readonly proposed: number
  readonly completed: number
  readonly pruned: number
  readonly failed: number
  readonly consecutiveFailures: number
  /** Numbers of the trials that are being evaluated, and of those that are paused at a rung or waiting to start. */
  readonly running: readonly number[]
  readonly resting: readonly number[]
  /** Best feasible completed trial by reward. */
  readonly best?: TrialPoint
  /** Feasible trials that no other dominates. */
  readonly front: readonly TrialPoint[]
  readonly targetReached: boolean
  /** Stage of a one-shot method. */
  readonly stage?: string
  readonly startedAt: number
  /** Time spent in all sessions, ms. */
  readonly elapsedMs: number
  readonly sessions: number
  readonly simulatedSeconds: number
  readonly trialsPerMinute: number
  readonly seq: number
}

export const initialState: SearchState = {
  status: 'idle',
  study: '',
  seed: 0,
  objectives: [],
  proposed: 0,
  completed: 0,
  pruned: 0,
  failed: 0,
  consecutiveFailures: 0,
  running: [],
  resting: [],
  front: [],
  targetReached: false,
  startedAt: 0,
  elapsedMs: 0,
  sessions: 0,
  simulatedSeconds: 0,
  trialsPerMinute: 0,
  seq: -1,
}

export interface Timing {
  readonly lastAt?: number
}

const perMinute = (trials: number, ms: number) => (ms > 0 ? (trials * 60_000) / ms : 0)

/** The gains of a front's points, which is the same list until a point joins. */
const gainsOfFronts = new WeakMap<readonly TrialPoint[], readonly (readonly number[])[]>()

function gainsOfFront({
  objectives,
  front,
}: Pick<SearchState, 'objectives' | 'front'>): readonly (readonly number[])[] {
  const known = gainsOfFronts.get(front)
  if (known) return known
  const gains = front.map(({ metrics }) => gainsOf(objectives, metrics))
  gainsOfFronts.set(front, gains)
  return gains
}

function withFront(state: Pick<SearchState, 'objectives' | 'front'>, point: TrialPoint): readonly TrialPoint[] {
  const gains = gainsOf(state.objectives, point.metrics)
  const others = gainsOfFront(state)
  const covered = others.some((other) => dominates(other, gains) || other.every((value, i) => value === gains[i]))
  if (covered) return state.front
  return [...state.front.filter((_, i) => !dominates(gains, others[i] as readonly number[])), point]
}

/** The state while events are folded into it: the same fields, changed in place. */
export type StateInProgress = {
  -readonly [K in keyof (SearchState & Timing)]: K extends 'running' | 'resting' ? number[] : (SearchState & Timing)[K]
}

/** Copies a state, to fold events into the copy. */
export const inProgress = (state: SearchState & Timing): StateInProgress => ({
  ...state,
  running: [...state.running],
  resting: [...state.resting],
})

const remove = (trials: number[], trial: number): void => {
  const at = trials.indexOf(trial)
  if (at >= 0) trials.splice(at, 1)
}

/** Counts the end of a trial. */
function countEnd(next: StateInProgress, trial: number, how: 'completed' | 'pruned' | 'failed'): void {
  next[how]++
  next.consecutiveFailures = how === 'failed' ? next.consecutiveFailures + 1 : 0
  next.trialsPerMinute = perMinute(next.completed + next.pruned + next.failed, next.elapsedMs)
  remove(next.running, trial)
  remove(next.resting, trial)
}

/** One step of the fold: the state after an event, from the state before it. */
export function reduce(state: SearchState & Timing, event: SearchEvent): SearchState {
  const next = inProgress(state)
  advance(next, event)
  return next
}

/** One step of the fold, in place. Time between events of one session counts; time between sessions does not. */
export function advance(next: StateInProgress, event: SearchEvent): void {
  next.seq = event.seq
  if (event.type !== 'search.started' && event.type !== 'search.resumed')
    next.elapsedMs += Math.max(0, event.at - (next.lastAt ?? event.at))
  next.lastAt = event.at
  switch (event.type) {
    case 'search.started':
      next.status = 'running'
      next.study = event.study
      next.seed = event.seed
      next.objectives = event.objectives
      next.startedAt = event.at
      next.sessions = 1
      return
    case 'search.resumed':
      delete next.reason
      next.status = 'running'
      next.sessions++
      // Consecutive failures are counted per session, so that a resumed search can continue.
      next.consecutiveFailures = 0
      return
    case 'trial.proposed':
      next.proposed++
      if (event.enqueued) next.resting.push(event.trial)
      else next.running.push(event.trial)
      return
    case 'trial.continued':
      next.running.push(event.trial)
      remove(next.resting, event.trial)
      return
    case 'trial.paused':
      next.consecutiveFailures = 0
      remove(next.running, event.trial)
      next.resting.push(event.trial)
      next.simulatedSeconds += event.simulatedSeconds ?? 0
      return
    case 'trial.completed': {
      const { trial, genotype, metrics, reward } = event
      countEnd(next, trial, 'completed')
      next.simulatedSeconds += event.simulatedSeconds ?? 0
      if (!event.feasible) return
      const point: TrialPoint = { trial, genotype, metrics, reward }
      if (next.best === undefined || reward > next.best.reward) next.best = point
      next.front = withFront(next, point)
      next.targetReached ||= reachesTarget(next.objectives, metrics)
      return
    }
    case 'trial.pruned':
      countEnd(next, event.trial, 'pruned')
      next.simulatedSeconds += event.simulatedSeconds ?? 0
      return
    case 'trial.failed':
      countEnd(next, event.trial, 'failed')
      return
    case 'stage.started':
      next.stage = event.stage
      return
    case 'search.finished':
      next.status = 'finished'
      next.reason = event.reason
      return
    case 'search.stopped':
      next.status = 'stopped'
      next.reason = event.reason
      return
    default:
  }
}
