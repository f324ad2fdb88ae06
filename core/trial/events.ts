import type { Diagnostics, Given } from '../controller.ts'
import type { Decision, Genotype, Json } from '../space/decision.ts'
import type { SpaceOrigin } from '../space/space.ts'
import { error } from './errors.ts'
import type { ResolvedObjective } from './objective.ts'
import type { Panel } from './panel.ts'

export const failureReasons = ['diverged', 'timeout', 'invalid', 'error', 'lost', 'aborted'] as const
/** Why a trial has no result; 'lost' if the process that evaluated it died. */
export type FailureReason = (typeof failureReasons)[number]
/** Why a search ended. */
export type FinishReason = 'trials' | 'time' | 'target' | 'exhausted' | 'failures' | 'algorithm'

export interface TrialPoint {
  readonly trial: number
  readonly genotype: Genotype
  readonly metrics: Readonly<Record<string, number>>
  readonly reward: number
}

/** A result of elsewhere that a controller starts with. */
export interface WarmTrial {
  readonly genotype: Genotype
  /** Finite numbers; the objectives of the search among them. */
  readonly metrics: Readonly<Record<string, number>>
  /** Share of the full effort that the result stands for, in (0, 1]: less than 1 for a cheap substitute. Absent: 1. */
  readonly fidelity?: number
}

/** The end of one rung. */
interface RungResult {
  readonly feasible: boolean
  /** Sum of the relative violations of all bounds; left out if it is 0. */
  readonly violation?: number
  /** Name of the checkpoint artifact that the next rung continues from. */
  readonly checkpoint?: string
  readonly simulatedSeconds?: number
  readonly elapsedMs: number
}

/**
 * When the results of trials reach the controller. 'ordered': in the order in which trials started, and trial k starts
 * only after trial k − concurrency was taken in. `{ staleness: n }`: the same with n in place of the concurrency, so
 * that a slow trial does not block the others, and the trajectory is the same for any number of workers up to n.
 * 'arrival': as results arrive; the order is journalled, and a replay reproduces it.
 */
export type CommitMode = 'ordered' | 'arrival' | { readonly staleness: number }

interface Bodies {
  /** The first event of every study. It holds everything needed to read the others without the code of the study. */
  'search.started': {
    readonly archloom: string
    readonly study: string
    readonly space: {
      readonly name: string
      readonly fingerprint: string
      readonly decisions: readonly Decision[]
      /** Of a space that archloom brings: the call that makes it. */
      readonly origin?: SpaceOrigin
    }
    readonly parts: Readonly<Record<string, string>>
    readonly objectives: readonly ResolvedObjective[]
    readonly budget: Json
    readonly seed: number
    readonly concurrency: number
    /** When results reach the controller; missing in journals of version 0.1, which were 'ordered'. */
    readonly commit?: CommitMode
    /** How pages show what the plugins report, by plugin; absent if no plugin declares any. */
    readonly panels?: Readonly<Record<string, readonly Panel[]>>
  }
  /** The same study goes on in a new process. */
  'search.resumed': { readonly trials: number; readonly budget: Json }
  'trial.proposed': {
    readonly trial: number
    readonly genotype: Genotype
    /** The decoded architecture; missing in journals of version 0.1. */
    readonly architecture?: Json
    readonly seed: number
    /** Fidelity of the trial's first rung. Default: 1. */
    readonly fidelity?: number
    /** The paused trial from whose checkpoint this one starts. */
    readonly checkpointOf?: number
    /** Present if a person enqueued the trial. It waits until it is started. */
    readonly enqueued?: true
    readonly logProbability?: number
    readonly context?: Json
    readonly given?: Given
  }
  /** A waiting trial starts, or a paused one is continued at a larger fidelity. */
  'trial.continued': {
    readonly trial: number
    readonly rung: number
    readonly fidelity: number
    /** Of a waiting trial: the paused trial from whose checkpoint it starts. */
    readonly checkpointOf?: number
  }
  /** Another attempt at the same rung after a failure that the budget allows to be retried. */
  'trial.retried': {
    readonly trial: number
    readonly attempt: number
    readonly reason: FailureReason
    readonly code: string
    readonly message: string
  }
  'trial.progress': {
    readonly trial: number
    readonly step: number
    readonly metrics: Readonly<Record<string, number>>
  }
  /** A rung below full fidelity has its result; the trial waits to be promoted or pruned. */
  'trial.paused': TrialPoint & RungResult & { readonly fidelity: number; readonly rung: number }
  'trial.completed': TrialPoint & RungResult
  /**
   * The trial was given up before full fidelity: by the scheduler, or because a cost that is known without training
   * exceeds its bound. `reward` is missing if an objective had not been measured.
   */
  'trial.pruned': {
    readonly trial: number
    readonly genotype: Genotype
    readonly by: 'scheduler' | 'bounds'
    readonly rung: number
    readonly fidelity: number
    readonly metrics: Readonly<Record<string, number>>
    readonly reward?: number
    readonly feasible: boolean
    readonly violation?: number
    readonly simulatedSeconds?: number
    readonly elapsedMs: number
  }
  'trial.failed': {
    readonly trial: number
    readonly genotype: Genotype
    readonly reason: FailureReason
    readonly code: string
    readonly message: string
    /** Where an exception came from, cut to 4,000 characters. */
    readonly stack?: string
    readonly elapsedMs: number
  }
  /** The controller has received the results of these trials, in this order. */
  'controller.updated': { readonly trials: readonly number[]; readonly diagnostics: Diagnostics }
  /**
   * Before its first trial, the controller has taken in results of elsewhere: another study's trials, say. `from` says
   * where they come from.
   */
  'controller.warmed': {
    readonly from: string
    readonly trials: readonly WarmTrial[]
    readonly diagnostics: Diagnostics
  }
  /** A one-shot method enters a stage (warm-up, a larger space, …). */
  'stage.started': { readonly stage: string; readonly index: number; readonly facts: Readonly<Record<string, Json>> }
  /** Shared weights were trained. */
  'weights.progress': { readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  /** The policy was trained against shared weights. */
  'policy.progress': { readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  /** A checkpoint that a one-shot method can continue from was written. */
  'checkpoint.written': { readonly step: number; readonly file: string }
  /** Any facts that a plugin publishes; plain JSON. */
  'plugin.event': { readonly plugin: string; readonly name: string; readonly facts: Json }
  /** A warning for the user. */
  'search.warning': { readonly code: string; readonly message: string }
  /** Derived: there is a new best feasible trial by reward. */
  'best.changed': TrialPoint
  /** Derived: the set of trials that no other trial dominates has changed. */
  'pareto.changed': { readonly front: readonly TrialPoint[] }
  'search.finished': { readonly reason: FinishReason; readonly trials: number; readonly elapsedMs: number }
  'search.stopped': { readonly reason: string; readonly trials: number; readonly elapsedMs: number }
}

export type SearchEventType = keyof Bodies
/** What an algorithm yields: the host adds the number and the time. */
export type EventDraft = { [T in SearchEventType]: { readonly type: T } & Bodies[T] }[SearchEventType]
/** Plain JSON. `seq` counts the journalled events of a study from 0; a derived event repeats its cause's. `at` is in ms. */
export type SearchEvent = {
  [T in SearchEventType]: { readonly seq: number; readonly type: T } & Bodies[T] & { readonly at: number }
}[SearchEventType]
export type EventOf<T extends SearchEventType> = Extract<SearchEvent, { type: T }>

const kinds: Record<SearchEventType, 'journalled' | 'derived'> = {
  'search.started': 'journalled',
  'search.resumed': 'journalled',
  'trial.proposed': 'journalled',
  'trial.continued': 'journalled',
  'trial.retried': 'journalled',
  'trial.progress': 'journalled',
  'trial.paused': 'journalled',
  'trial.completed': 'journalled',
  'trial.pruned': 'journalled',
  'trial.failed': 'journalled',
  'controller.updated': 'journalled',
  'controller.warmed': 'journalled',
  'stage.started': 'journalled',
  'weights.progress': 'journalled',
  'policy.progress': 'journalled',
  'checkpoint.written': 'journalled',
  'plugin.event': 'journalled',
  'search.warning': 'journalled',
  'best.changed': 'derived',
  'pareto.changed': 'derived',
  'search.finished': 'journalled',
  'search.stopped': 'journalled',
}
export const eventTypes = Object.keys(kinds) as readonly SearchEventType[]
/** Derived events follow from the journal and are not written to it. */
export const isDerived = (type: SearchEventType): boolean => kinds[type] === 'derived'

export const isTrialCompleted = (event: SearchEvent): event is EventOf<'trial.completed'> =>
  event.type === 'trial.completed'
export const isTrialFailed = (event: SearchEvent): event is EventOf<'trial.failed'> => event.type === 'trial.failed'

/**
 * The grammar, enforced by the host on every event before it is written:
 *
 *     study   = session+
 *     session = (search.started | search.resumed) item* (search.finished | search.stopped)?
 *     trial   = trial.proposed rung* (trial.completed | trial.pruned | trial.failed)?
 *     rung    = trial.continued? (trial.progress | trial.retried)* (trial.paused)?
 *     item    = an event of a trial | controller.updated | controller.warmed (before the first trial)
 *             | stage.started | weights.progress | policy.progress | checkpoint.written | plugin.event | search.warning
 *
 * Trials are numbered 0, 1, 2 … in the order proposed; events of different trials may interleave. Each result of a
 * rung reaches the controller at most once: controller.updated names only trials with a result that the controller has
 * not received.
 */
export function eventGrammar(): (event: EventDraft) => void {
  let open = false
  let started = false
  let next = 0
  const running = new Set<number>()
  /** Trials that are waiting or paused, and may be continued or pruned. */
  const resting = new Set<number>()
  /** Trials with a result that the controller has not received. */
  const untold = new Set<number>()
  const refuse = (event: EventDraft, expected: string) =>
    error('ARCHLOOM_EVENT_GRAMMAR', {
      event: 'trial' in event ? `${event.type}(${event.trial})` : event.type,
      expected,
    })
  return (event) => {
    if (event.type === 'search.started' || event.type === 'search.resumed') {
      const wanted = started ? 'search.resumed' : 'search.started'
      // A killed process leaves its session open; resuming closes it.
      if (event.type !== wanted) throw refuse(event, wanted)
      started = true
      open = true
      return
    }
    if (!open) throw refuse(event, started ? 'search.resumed' : 'search.started')
    switch (event.type) {
      case 'trial.proposed':
        if (event.trial !== next) throw refuse(event, `trial.proposed(${next})`)
        next++
        if (event.enqueued) resting.add(event.trial)
        else running.add(event.trial)
        return
      case 'trial.continued':
        if (!resting.delete(event.trial)) throw refuse(event, 'a waiting or paused trial to continue')
        running.add(event.trial)
        return
      case 'trial.progress':
      case 'trial.retried':
        if (!running.has(event.trial)) throw refuse(event, 'progress of a running trial')
        return
      case 'trial.pruned':
        if (!running.has(event.trial) && !resting.has(event.trial))
          throw refuse(event, 'the end of a running or paused trial')
        if (running.delete(event.trial)) untold.add(event.trial)
        resting.delete(event.trial)
        return
      case 'trial.paused':
      case 'trial.completed':
      case 'trial.failed':
        if (!running.delete(event.trial)) throw refuse(event, 'the end of a running trial')
        untold.add(event.trial)
        if (event.type === 'trial.paused') resting.add(event.trial)
        return
      case 'controller.warmed':
        if (next > 0) throw refuse(event, 'no trial before it')
        return
      case 'controller.updated':
        for (const trial of event.trials)
          if (!untold.delete(trial))
            throw error('ARCHLOOM_EVENT_GRAMMAR', {
              event: `controller.updated(${trial})`,
              expected: 'a trial with a result that the controller has not received',
            })
        return
      case 'search.finished':
      case 'search.stopped':
        open = false
        return
      default:
    }
  }
}

const isBadNumber = (value: unknown) => typeof value === 'number' && !Number.isFinite(value)

/**
 * Finds a number in an event that must be finite but is not. Metrics may be infinite or NaN; a reward may be infinite.
 */
function findNotFinite(value: unknown, path: string): { field: string; received: unknown } | undefined {
  if (isBadNumber(value)) return { field: path, received: value }
  if (typeof value !== 'object' || value === null) return undefined
  for (const key in value) {
    if (key === 'metrics') continue
    const inner = (value as Record<string, unknown>)[key]
    if (typeof inner !== 'object' && !isBadNumber(inner)) continue
    if (key === 'reward' && !Number.isNaN(inner)) continue
    const found = findNotFinite(inner, path === '' ? key : `${path}.${key}`)
    if (found) return found
  }
  return undefined
}

/** Refuses an event with a number that JSON would turn into null. Error: ARCHLOOM_EVENT_NOT_FINITE. */
export function checkFinite(event: EventDraft): void {
  const found = findNotFinite(event, '')
  if (found) throw error('ARCHLOOM_EVENT_NOT_FINITE', { event: event.type, ...found })
}
