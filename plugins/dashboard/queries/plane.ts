import type { Trial } from '../../../core/index.ts'
import type { LiveStudy } from '../live-study.ts'
import type { Direction, Plane } from '../protocol.ts'
import { thinned } from '../thinning.ts'
import { boundsOf, directionOf } from './course.ts'
import { type MeasuredPoints, measuredPoints, sentPoints } from './measured-points.ts'

/** Completed trials by two metrics, and the feasible ones that no other dominates in these two. */
export function planeOf(
  study: LiveStudy,
  x: string,
  y: string,
  directions: { readonly x?: Direction | undefined; readonly y?: Direction | undefined } = {},
): Plane {
  const xDirection = directions.x ?? directionOf(study, x)
  const yDirection = directions.y ?? directionOf(study, y)
  const { trials } = study.record
  const metricOf = (metric: string) => (trial: Trial) =>
    trial.status === 'completed' ? trial.metrics[metric] : undefined
  const points = measuredPoints(trials, metricOf(x), metricOf(y))
  const front = frontOf(points, xDirection, yDirection)
  const kept = thinned(points.xs, points.ys, points.kind, new Set(front))
  const place = new Map(kept.map((i, at) => [i, at]))
  return {
    x: { metric: x, direction: xDirection, bounds: boundsOf(study, x) },
    y: { metric: y, direction: yDirection, bounds: boundsOf(study, y) },
    ...sentPoints(points, kept),
    front: front.map((i) => place.get(i)!),
    total: points.trial.length,
  }
}

/** Indices of the feasible points that no other dominates, from the smallest x to the largest. */
function frontOf({ xs, ys, kind }: MeasuredPoints, xDirection: Direction, yDirection: Direction): readonly number[] {
  const gain = (direction: Direction, value: number) => (direction === 'maximise' ? value : -value)
  const feasible = Uint32Array.from(xs.keys()).filter((i) => kind[i] === 0)
  feasible.sort(
    (a, b) =>
      gain(xDirection, xs[b]!) - gain(xDirection, xs[a]!) || gain(yDirection, ys[b]!) - gain(yDirection, ys[a]!),
  )
  const front: number[] = []
  let best = Number.NEGATIVE_INFINITY
  for (const i of feasible) {
    const height = gain(yDirection, ys[i]!)
    if (height <= best) continue
    best = height
    front.push(i)
  }
  return front.sort((a, b) => xs[a]! - xs[b]!)
}
