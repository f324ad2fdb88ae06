import type { Random } from './random.ts'
import type { ResolvedObjective } from './trial/objective.ts'

/** A number reported from inside a trial, or the end of a rung, as a scheduler sees it. */
export interface SchedulerReport {
  /** Training step of an intermediate report; undefined at the end of a rung. */
  readonly step?: number
  /** Number of the rung, from 0. */
  readonly rung: number
  /** Fidelity that the rung was started with. */
  readonly fidelity: number
  readonly metrics: Readonly<Record<string, number>>
  /** Larger is better. Undefined if an objective is missing among the metrics or the trial failed. */
  readonly reward?: number
  /** One number per objective, larger is better in each; empty if there is no reward. */
  readonly objectives: readonly number[]
  readonly feasible: boolean
  readonly violation: number
  /** The trial ended: it completed at full fidelity, failed, or was pruned. */
  readonly ended: boolean
}

/**
 * 'continue': go on. 'stop': give the trial up. 'pause' (only at the end of a rung below full fidelity): wait for
 * `promote`. An intermediate report is answered with 'continue' or 'stop'.
 */
export type SchedulerDecision = 'continue' | 'pause' | 'stop'

/** How a trial starts. */
export interface TrialStart {
  /** Fidelity of the first rung, in (0, 1]. */
  readonly fidelity: number
  /**
   * A paused trial from whose last checkpoint the new trial starts, instead of from nothing; the first rung's fidelity
   * must be higher than that of the checkpoint. The controller is given the paused trial's genotype as `given.from`.
   */
  readonly checkpointOf?: number
}

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
   * Fidelity of the first rung, in (0, 1], and where the trial starts; or 'wait' if no new trial may start yet. Trials
   * start in the order of their numbers, and the answer must not depend on reports that come in between. While a trial
   * that starts from a checkpoint waits for its proposal, `promote` is not called. Without this method every trial
   * starts at fidelity 1.
   */
  start?(trial: number): number | TrialStart | 'wait'
  report(trial: number, report: SchedulerReport): SchedulerDecision
  /**
   * The next paused trial to continue, and its fidelity, which must be higher than before; undefined if no trial is
   * due.
   */
  promote?(): { readonly trial: number; readonly fidelity: number } | undefined
  /**
   * Called if the trial's running rung is evaluated again from its start, after a failure or a kill. Forget its
   * reports.
   */
  restart?(trial: number): void
  /** A paused trial that will never be promoted, so that it can be closed as pruned; undefined if there is none. */
  giveUp?(): number | undefined
  /**
   * Called when no trial is running and none will start any more, because the controller or the method has no further
   * proposal or the number of trials is spent. Forget the start of trial `next`, if `start` was called for it: it has none.
   * Afterwards `promote` and `giveUp` may name trials that so far waited for others. A trial that starts after all, because
   * a person enqueued it or the study was resumed with a larger budget, is announced by `start`, and `finish` is called
   * again.
   */
  finish?(next: number): void
}

export interface SchedulerParts {
  readonly objectives: readonly ResolvedObjective[]
  readonly rng: Random
  /** Total number of trials that the budget allows; Infinity without a limit. */
  readonly maxTrials: number
}

export type SchedulerFactory = (parts: SchedulerParts) => Scheduler

/** Every trial gets the full effort at once. */
export const fullFidelity: SchedulerFactory = () => ({ report: () => 'continue' })
