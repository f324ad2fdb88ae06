import type { Genotype, Json } from '../space/decision.ts'
import type { FailureReason } from './events.ts'

/**
 * waiting: enqueued but not started. running: being evaluated. paused: a rung below full fidelity has ended.
 * completed: the trial has its result at full fidelity. pruned: it was given up before that. failed: it has no result.
 */
export type TrialStatus = 'waiting' | 'running' | 'paused' | 'completed' | 'pruned' | 'failed'

/** One evaluation of a trial, at one fidelity. */
export interface Rung {
  readonly rung: number
  /** Share of the full effort, in (0, 1]. */
  readonly fidelity: number
  /** Empty while the rung is running, and if it failed. */
  readonly metrics: Readonly<Record<string, number>>
  readonly reward?: number
  readonly elapsedMs?: number
  readonly simulatedSeconds?: number
}

/** One attempt at one architecture, as recorded in the journal: plain JSON. */
export interface Trial {
  readonly trial: number
  readonly status: TrialStatus
  readonly genotype: Genotype
  /** The genotype as short text, as `space.format` gives it. */
  readonly text: string
  /** The decoded architecture. */
  readonly architecture: Json
  readonly seed: number
  /** The rungs that ran or are running, at growing fidelity. */
  readonly rungs: readonly Rung[]
  /** Evaluations that were started, retries included. */
  readonly attempts: number
  /** Metrics of the last rung that has a result; empty if there is none. */
  readonly metrics: Readonly<Record<string, number>>
  readonly reward?: number
  readonly feasible?: boolean
  readonly violation?: number
  /** Time of all rungs, ms. */
  readonly elapsedMs?: number
  readonly simulatedSeconds?: number
  /** Name of the checkpoint artifact that the trial continues from: that of its last rung, or of `checkpointOf`. */
  readonly checkpoint?: string
  /** The trial from whose checkpoint this one started. */
  readonly checkpointOf?: number
  readonly prunedBy?: 'scheduler' | 'bounds'
  readonly failure?: {
    readonly reason: FailureReason
    readonly code: string
    readonly message: string
    readonly stack?: string
  }
}
