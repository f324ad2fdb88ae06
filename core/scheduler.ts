import type { Random } from './random.ts'
import type { ResolvedObjective } from './trial/objective.ts'

/** A number reported from inside a trial, or the end of a rung, as a scheduler sees it. */
export interface SchedulerReport {
  /** Training step of a report on the way; absent at the end of a rung. */
  readonly step?: number
  /** Number of the rung, from 0. */
  readonly rung: number
  /** Fidelity that the rung was started with. */
  readonly fidelity: number
  readonly metrics: Readonly<Record<string, number>>
  /** Larger is better. Absent where an objective is missing among the metrics, or the trial failed. */
  readonly reward?: number
  /** One number per objective, larger is better in each; empty where the reward is absent. */
  readonly objectives: readonly number[]
  readonly feasible: boolean
  readonly violation: number
  /** The trial ended: it completed at full fidelity, failed, or was pruned on the way. */
  readonly ended: boolean
}

/**
 * 'continue': go on (the only sensible answer to a report on the way, besides 'stop'). 'pause', at the end of a rung
 * below full fidelity: wait for `promote`. 'stop': give the trial up.
 */
export type SchedulerDecision = 'continue' | 'pause' | 'stop'

/**
 * Decides how much effort each trial gets; any controller composes with any scheduler.
 *
 * The host calls `start` once per trial, `report` at every report from inside an evaluation and at the end of every
 * rung, and `promote` whenever a worker is free, before it asks the controller for a new trial. A trial whose rung ends
 * below fidelity 1 is paused; it is continued from its checkpoint once `promote` names it. At the end of a rung,
 * 'continue' and 'pause' mean the same. A resumed study repeats these calls in the journal's order.
 * Check your own with `schedulerContract` from `archloom/testing`.
 */
export interface Scheduler {
  /**
   * Fidelity of the first rung, in (0, 1]; 'wait' where no new trial may start yet. Trials come in the order of their
   * numbers; the fidelity depends on the trial's number only. Absent: 1.
   */
  start?(trial: number): number | 'wait'
  report(trial: number, report: SchedulerReport): SchedulerDecision
  /** The next paused trial to continue and its fidelity, which must exceed the last one's; undefined where none is due. */
  promote?(): { readonly trial: number; readonly fidelity: number } | undefined
  /** The trial's running rung is evaluated again from its start, after a failure or a kill: forget its reports. */
  restart?(trial: number): void
  /** A paused trial that will never be promoted, so that it can be closed as pruned; undefined where there is none. */
  giveUp?(): number | undefined
}

export interface SchedulerParts {
  readonly objectives: readonly ResolvedObjective[]
  readonly rng: Random
  /** Trials that the budget allows in all; Infinity without a limit. */
  readonly maxTrials: number
}

export type SchedulerFactory = (parts: SchedulerParts) => Scheduler

/** Every trial gets the full effort at once. */
export const fullFidelity: SchedulerFactory = () => ({ report: () => 'continue' })
