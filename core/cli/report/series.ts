import type { ResolvedObjective } from '../../trial/objective.ts'
import type { Trial } from '../../trial/trial.ts'

/** One trial as a point of the first objective. */
export interface Point {
  readonly trial: number
  readonly value: number
  readonly feasible: boolean
}

/** Trials against the first objective's metric, and the best feasible value so far. */
export interface Series {
  readonly objective: ResolvedObjective
  readonly points: readonly Point[]
  /** A point for every trial that was better than all before it. */
  readonly best: readonly Point[]
  readonly failed: readonly number[]
  readonly trials: number
}

export function seriesOf(trials: readonly Trial[], objective: ResolvedObjective): Series {
  const points: Point[] = []
  const best: Point[] = []
  const better = (a: number, b: number) => (objective.direction === 'maximise' ? a > b : a < b)
  for (const { trial, status, metrics, feasible = true } of trials) {
    const value = metrics[objective.metric]
    if (status !== 'completed' || value === undefined) continue
    const point = { trial, value, feasible }
    points.push(point)
    const last = best.at(-1)
    if (feasible && (!last || better(value, last.value))) best.push(point)
  }
  const failed = trials.filter(({ status }) => status === 'failed').map(({ trial }) => trial)
  return { objective, points, best, failed, trials: trials.length }
}
