import type { Diagnostics, Given } from '../controller.ts'
import type { Decision, Genotype, Json } from '../space/decision.ts'
import { error } from './errors.ts'
import type { ResolvedObjective } from './objective.ts'

export const failureReasons = ['diverged', 'timeout', 'invalid', 'error', 'aborted'] as const
/** Why a trial has no result. */
export type FailureReason = (typeof failureReasons)[number]
/** Why a search ended. */
export type FinishReason = 'trials' | 'time' | 'target' | 'exhausted' | 'failures' | 'algorithm'

export interface TrialPoint {
  readonly trial: number
  readonly genotype: Genotype
  readonly metrics: Readonly<Record<string, number>>
  readonly reward: number
}

interface Bodies {
  /** First of every study: all that is needed to read the rest without any code. */
  'search.started': {
    readonly archloom: string
    readonly study: string
    readonly space: { readonly name: string; readonly fingerprint: string; readonly decisions: readonly Decision[] }
    readonly parts: Readonly<Record<string, string>>
    readonly objectives: readonly ResolvedObjective[]
    readonly budget: Json
    readonly seed: number
    readonly concurrency: number
  }
  /** The same study goes on in a new process. */
  'search.resumed': { readonly trials: number; readonly budget: Json }
  'trial.proposed': {
    readonly trial: number
    readonly genotype: Genotype
    readonly seed: number
    readonly logProbability?: number
    readonly context?: Json
    readonly given?: Given
  }
  'trial.progress': {
    readonly trial: number
    readonly step: number
    readonly metrics: Readonly<Record<string, number>>
  }
  'trial.completed': TrialPoint & {
    readonly feasible: boolean
    readonly simulatedSeconds?: number
    readonly elapsedMs: number
  }
  'trial.failed': {
    readonly trial: number
    readonly genotype: Genotype
    readonly reason: FailureReason
    readonly code: string
    readonly message: string
    readonly elapsedMs: number
  }
  /** The controller has taken in the results of these trials, in this order. */
  'controller.updated': { readonly trials: readonly number[]; readonly diagnostics: Diagnostics }
  /** A one-shot method enters a stage (warm-up, a larger space, …). */
  'stage.started': { readonly stage: string; readonly index: number; readonly facts: Readonly<Record<string, Json>> }
  /** Shared weights were trained. */
  'weights.progress': { readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  /** The policy was trained against shared weights. */
  'policy.progress': { readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  /** A state that a one-shot method can go on from was written. */
  'checkpoint.written': { readonly step: number; readonly file: string }
  /** Anything a plugin has to say; plain JSON. */
  'plugin.event': { readonly plugin: string; readonly name: string; readonly facts: Json }
  /** Something a person should know. */
  'search.warning': { readonly code: string; readonly message: string }
  /** Derived: the best feasible trial by reward is a new one. */
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
  'trial.progress': 'journalled',
  'trial.completed': 'journalled',
  'trial.failed': 'journalled',
  'controller.updated': 'journalled',
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
 *     item    = trial.proposed(k) … trial.progress(k)* … (trial.completed(k) | trial.failed(k)) … controller.updated(k)?
 *             | stage.started | weights.progress | policy.progress | checkpoint.written | plugin.event | search.warning
 *
 * Trials are numbered 0, 1, 2 … in the order proposed; events of different trials may interleave.
 */
export function eventGrammar(): (event: EventDraft) => void {
  let open = false
  let started = false
  let next = 0
  const running = new Set<number>()
  const ended = new Set<number>()
  const refuse = (event: EventDraft, expected: string) =>
    error('ARCHLOOM_EVENT_GRAMMAR', {
      event: 'trial' in event ? `${event.type}(${event.trial})` : event.type,
      expected,
    })
  return (event) => {
    if (event.type === 'search.started' || event.type === 'search.resumed') {
      const wanted = started ? 'search.resumed' : 'search.started'
      // A killed process leaves its session open: resuming closes it.
      if (event.type !== wanted) throw refuse(event, wanted)
      started = true
      open = true
      return
    }
    if (!open) throw refuse(event, started ? 'search.resumed' : 'search.started')
    switch (event.type) {
      case 'trial.proposed':
        if (event.trial !== next) throw refuse(event, `trial.proposed(${next})`)
        running.add(next++)
        return
      case 'trial.progress':
        if (!running.has(event.trial)) throw refuse(event, 'progress of a running trial')
        return
      case 'trial.completed':
      case 'trial.failed':
        if (!running.delete(event.trial)) throw refuse(event, 'the end of a running trial')
        ended.add(event.trial)
        return
      case 'controller.updated':
        for (const trial of event.trials)
          if (!ended.delete(trial))
            throw error('ARCHLOOM_EVENT_GRAMMAR', {
              event: `controller.updated(${trial})`,
              expected: 'an ended trial not yet committed',
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
