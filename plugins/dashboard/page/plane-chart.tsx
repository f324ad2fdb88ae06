import type uPlot from 'uplot'
import type { Plane } from '../protocol.ts'
import { axis, drawBounds, nearBounds, points, roomy, steps } from './axes.ts'
import { Chart } from './chart.tsx'
import { metricLabel, numberText, plural } from './format.ts'
import { Legend } from './legend.tsx'
import { go, studyPath } from './route.ts'

type Cell = number | null

/** Completed trials by two metrics, the front, and the bounds. */
export function PlaneChart({ study, plane }: { readonly study: string; readonly plane: Plane }) {
  const { x, y, xs, ys, kind, front, trial } = plane
  const order = xs.map((_, i) => i).sort((a, b) => xs[a]! - xs[b]!)
  const onFront = new Set(front)
  const column = (holds: (i: number) => boolean): Cell[] => order.map((i) => (holds(i) ? ys[i]! : null))
  const data: uPlot.AlignedData = [
    order.map((i) => xs[i]!),
    column((i) => kind[i] === 1),
    column((i) => kind[i] === 0 && !onFront.has(i)),
    column((i) => onFront.has(i)),
  ]
  const [left, right] = [data[0][0] ?? 0, data[0].at(-1) ?? 1]
  const low = ys.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = ys.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const xBounds = nearBounds(x.bounds, left, right)
  const yBounds = nearBounds(y.bounds, low, high)
  const size = xs.length > 1500 ? 3 : xs.length > 300 ? 4 : 6
  // A dominated point lies beyond the step, towards larger x where x is minimised.
  const align = x.direction === 'minimise' ? 1 : -1
  return (
    <>
      <Legend
        items={[
          { mark: 'dot', color: 'point', text: 'trial' },
          ...(kind.some((each) => each === 1)
            ? [{ mark: 'ring', color: 'point', text: 'outside a bound' } as const]
            : []),
          { mark: 'line', color: 'best', text: `front (${front.length})` },
          ...(xBounds.length + yBounds.length > 0 ? [{ mark: 'dashed', color: 'ink', text: 'bound' } as const] : []),
        ]}
      />
      <Chart
        label={`${y.metric} against ${x.metric} of ${plural(plane.total, 'completed trial')}; ${front.length} on the front`}
        form={JSON.stringify([x, y, xBounds, yBounds, size])}
        data={data}
        hint={(i) => {
          const at = order[i]!
          return [
            `trial ${trial[at]}${onFront.has(at) ? ', on the front' : ''}`,
            `${x.metric} ${numberText(xs[at]!)}`,
            `${y.metric} ${numberText(ys[at]!)}`,
          ]
        }}
        onPick={(i) => go(studyPath(study, 'trials', trial[order[i]!]!))}
        options={(colors) => ({
          scales: {
            x: { time: false, range: (_, min, max) => roomy(Math.min(min, ...xBounds), Math.max(max, ...xBounds)) },
            y: { range: (_, min, max) => roomy(Math.min(min, ...yBounds), Math.max(max, ...yBounds), 0.1) },
          },
          axes: [
            axis(colors, `${metricLabel(x.metric)}, ${x.direction}`, { side: 'bottom' }),
            axis(colors, `${metricLabel(y.metric)}, ${y.direction}`),
          ],
          series: [
            {},
            points(colors.point, size, colors.card),
            points(colors.point, size, colors.point),
            {
              ...steps(colors.best, 2, align),
              points: { show: true, size: 8, stroke: colors.best, fill: colors.best },
            },
          ],
          cursor: { points: { show: false } },
          hooks: { draw: [(u) => drawBounds(u, colors, xBounds, yBounds)] },
        })}
      />
    </>
  )
}
