import type { FinishReason, SearchEvent, TrialPoint } from '../trial/events.ts'
import { dominates, gainsOf, type ResolvedObjective, reachesTarget } from '../trial/objective.ts'

/** Where a search stands: a fold over its events, of a size that does not grow with the number of trials. */
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
  /** Numbers of the trials under way, and of those that are paused at a rung or wait for their turn. */
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

function withFront(state: SearchState, point: TrialPoint): readonly TrialPoint[] {
  const gains = gainsOf(state.objectives, point.metrics)
  const others = state.front.map((other) => gainsOf(state.objectives, other.metrics))
  const covered = others.some((other) => dominates(other, gains) || other.every((value, i) => value === gains[i]))
  if (covered) return state.front
  return [...state.front.filter((_, i) => !dominates(gains, others[i] as readonly number[])), point]
}

const without = (trials: readonly number[], trial: number): readonly number[] => {
  const at = trials.indexOf(trial)
  return at < 0 ? trials : at === 0 ? trials.slice(1) : [...trials.slice(0, at), ...trials.slice(at + 1)]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Counts the end of a trial into the next state. */
function countEnd(next: Mutable<SearchState>, trial: number, how: 'completed' | 'pruned' | 'failed'): void {
  next[how]++
  next.consecutiveFailures = how === 'failed' ? next.consecutiveFailures + 1 : 0
  next.trialsPerMinute = perMinute(next.completed + next.pruned + next.failed, next.elapsedMs)
  next.running = without(next.running, trial)
  next.resting = without(next.resting, trial)
}

/** One step of the fold. Time between events of one session counts; time between sessions does not. */
export function reduce(state: SearchState & Timing, event: SearchEvent): SearchState {
  const next: Mutable<SearchState & Timing> = { ...state }
  next.seq = event.seq
  next.lastAt = event.at
  if (event.type !== 'search.started' && event.type !== 'search.resumed')
    next.elapsedMs = state.elapsedMs + Math.max(0, event.at - (state.lastAt ?? event.at))
  switch (event.type) {
    case 'search.started':
      next.status = 'running'
      next.study = event.study
      next.seed = event.seed
      next.objectives = event.objectives
      next.startedAt = event.at
      next.sessions = 1
      return next
    case 'search.resumed':
      delete next.reason
      next.status = 'running'
      next.sessions++
      // A failure streak ends with its session: a person who resumes wants to go on.
      next.consecutiveFailures = 0
      return next
    case 'trial.proposed':
      next.proposed++
      if (event.enqueued) next.resting = [...state.resting, event.trial]
      else next.running = [...state.running, event.trial]
      return next
    case 'trial.continued':
      next.running = [...state.running, event.trial]
      next.resting = without(state.resting, event.trial)
      return next
    case 'trial.paused':
      next.consecutiveFailures = 0
      next.running = without(state.running, event.trial)
      next.resting = [...state.resting, event.trial]
      next.simulatedSeconds += event.simulatedSeconds ?? 0
      return next
    case 'trial.completed': {
      const { trial, genotype, metrics, reward } = event
      countEnd(next, trial, 'completed')
      next.simulatedSeconds += event.simulatedSeconds ?? 0
      if (!event.feasible) return next
      const point: TrialPoint = { trial, genotype, metrics, reward }
      if (state.best === undefined || reward > state.best.reward) next.best = point
      next.front = withFront(state, point)
      next.targetReached ||= reachesTarget(state.objectives, metrics)
      return next
    }
    case 'trial.pruned':
      countEnd(next, event.trial, 'pruned')
      next.simulatedSeconds += event.simulatedSeconds ?? 0
      return next
    case 'trial.failed':
      countEnd(next, event.trial, 'failed')
      return next
    case 'stage.started':
      next.stage = event.stage
      return next
    case 'search.finished':
      next.status = 'finished'
      next.reason = event.reason
      return next
    case 'search.stopped':
      next.status = 'stopped'
      next.reason = event.reason
      return next
    default:
      return next
  }
}
