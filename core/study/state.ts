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

interface Timing {
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

/** One step of the fold. Time between events of one session counts; time between sessions does not. */
export function reduce(state: SearchState & Timing, event: SearchEvent): SearchState {
  const opens = event.type === 'search.started' || event.type === 'search.resumed'
  const elapsedMs = opens ? state.elapsedMs : state.elapsedMs + Math.max(0, event.at - (state.lastAt ?? event.at))
  const next: SearchState & Timing = { ...state, seq: event.seq, elapsedMs, lastAt: event.at }
  const without = (trials: readonly number[], trial: number) =>
    trials.includes(trial) ? trials.filter((each) => each !== trial) : trials
  const ended = (trial: number, how: 'completed' | 'pruned' | 'failed') => {
    const count = state.completed + state.pruned + state.failed + 1
    return {
      [how]: state[how] + 1,
      consecutiveFailures: how === 'failed' ? state.consecutiveFailures + 1 : 0,
      trialsPerMinute: perMinute(count, elapsedMs),
      running: without(state.running, trial),
      resting: without(state.resting, trial),
    }
  }
  const spent = 'simulatedSeconds' in event ? (event.simulatedSeconds ?? 0) : 0
  if (spent > 0) (next as { simulatedSeconds: number }).simulatedSeconds = state.simulatedSeconds + spent
  switch (event.type) {
    case 'search.started':
      return {
        ...next,
        status: 'running',
        study: event.study,
        seed: event.seed,
        objectives: event.objectives,
        startedAt: event.at,
        sessions: 1,
      }
    case 'search.resumed': {
      const { reason: _, ...open } = next
      // A failure streak ends with its session: a person who resumes wants to go on.
      return { ...open, status: 'running', sessions: state.sessions + 1, consecutiveFailures: 0 }
    }
    case 'trial.proposed':
      return event.enqueued
        ? { ...next, proposed: state.proposed + 1, resting: [...state.resting, event.trial] }
        : { ...next, proposed: state.proposed + 1, running: [...state.running, event.trial] }
    case 'trial.continued':
      return {
        ...next,
        running: [...state.running, event.trial],
        resting: without(state.resting, event.trial),
      }
    case 'trial.paused':
      return {
        ...next,
        consecutiveFailures: 0,
        running: without(state.running, event.trial),
        resting: [...state.resting, event.trial],
      }
    case 'trial.completed': {
      const { trial, genotype, metrics, reward } = event
      const point: TrialPoint = { trial, genotype, metrics, reward }
      const better = event.feasible && (state.best === undefined || reward > state.best.reward)
      return {
        ...next,
        ...ended(trial, 'completed'),
        ...(better && { best: point }),
        front: event.feasible ? withFront(state, point) : state.front,
        targetReached: state.targetReached || (event.feasible && reachesTarget(state.objectives, metrics)),
      }
    }
    case 'trial.pruned':
      return { ...next, ...ended(event.trial, 'pruned') }
    case 'trial.failed':
      return { ...next, ...ended(event.trial, 'failed') }
    case 'stage.started':
      return { ...next, stage: event.stage }
    case 'search.finished':
      return { ...next, status: 'finished', reason: event.reason }
    case 'search.stopped':
      return { ...next, status: 'stopped', reason: event.reason }
    default:
      return next
  }
}
