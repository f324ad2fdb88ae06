import type { Trial } from '../../../core/index.ts'
import type { LiveStudy } from '../live-study.ts'
import type { Course, Direction } from '../protocol.ts'
import { spaced, thinned } from '../thinning.ts'
import { isBetter } from '../wire.ts'
import { measuredPoints, sentPoints } from './measured-points.ts'

/** The direction of a metric: that of its objective; others are taken for costs. */
export const directionOf = (study: LiveStudy, metric: string): Direction =>
  study.record.started.objectives.find((objective) => objective.metric === metric)?.direction ?? 'minimise'

export const boundsOf = (study: LiveStudy, metric: string): readonly number[] => {
  const { atMost, atLeast } = study.record.started.objectives.find((objective) => objective.metric === metric) ?? {}
  return [atMost, atLeast].filter((bound) => bound !== undefined)
}

/** A metric of every trial that has it, and the best feasible value so far. */
export function courseOf(study: LiveStudy, metric: string): Course {
  const direction = directionOf(study, metric)
  const { trials } = study.record
  const points = measuredPoints(
    trials,
    ({ trial }) => trial,
    ({ metrics }) => metrics[metric],
  )
  const failed: number[] = []
  for (const { status, trial } of trials) if (status === 'failed') failed.push(trial)
  const { trial, ys, kind } = sentPoints(points, thinned(points.xs, points.ys, points.kind))
  return {
    metric,
    direction,
    trial,
    value: ys,
    kind,
    best: bestSoFar(trials, metric, direction),
    failed: spaced(failed, 1000),
    total: points.trial.length,
    bounds: boundsOf(study, metric),
  }
}

/** A step at every feasible completed trial that was better than all before it. */
export function bestSoFar(trials: readonly Trial[], metric: string, direction: Direction): Course['best'] {
  const best = { trial: [] as number[], value: [] as number[] }
  for (const each of trials) {
    const measured = each.metrics[metric]
    if (each.status !== 'completed' || each.feasible === false || measured === undefined) continue
    if (!Number.isFinite(measured)) continue
    const last = best.value.at(-1)
    if (last !== undefined && !isBetter(direction, measured, last)) continue
    best.trial.push(each.trial)
    best.value.push(measured)
  }
  return best
}
