import type uPlot from 'uplot'
import type { Course } from '../protocol.ts'
import { axis, drawBounds, nearBounds, points, roomy, steps } from './axes.ts'
import { Chart } from './chart.tsx'
import { metricLabel, numberText, plural } from './format.ts'
import { Legend } from './legend.tsx'
import { go, studyPath } from './route.ts'

type Cell = number | null

/** A metric of every trial, and the best so far. */
export function CourseChart({ study, course }: { readonly study: string; readonly course: Course }) {
  const { metric, direction, best, failed } = course
  const { data, trials } = aligned(course)
  const shown = [...course.value, ...best.value]
  const low = shown.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = shown.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const bounds = nearBounds(course.bounds, low, high)
  const has = (kind: number) => course.kind.some((each) => each === kind)
  const size = course.trial.length > 1500 ? 3 : course.trial.length > 300 ? 4 : 6
  const last = best.value.at(-1)
  const label = `${metric} of ${plural(course.total, 'trial')}${last === undefined ? '' : `; the best is ${numberText(last)}, trial ${best.trial.at(-1)}`}`
  return (
    <>
      <Legend
        items={[
          { mark: 'dot', color: 'point', text: 'trial' },
          ...(has(1) ? [{ mark: 'ring', color: 'point', text: 'outside a bound' } as const] : []),
          ...(has(2) ? [{ mark: 'dot', color: 'faint', text: 'pruned or paused' } as const] : []),
          ...(failed.length > 0 ? [{ mark: 'dot', color: 'failed', text: 'failed' } as const] : []),
          { mark: 'line', color: 'best', text: 'best so far' },
        ]}
      />
      <Chart
        label={label}
        form={JSON.stringify([metric, bounds, size])}
        data={data}
        hint={(i) => {
          const value = [1, 2, 3, 4].map((s) => data[s]?.[i]).find((each) => each !== null && each !== undefined)
          const isFailed = data[5]?.[i] !== null
          return [
            `trial ${trials[i]}${isFailed ? ' failed' : ''}`,
            ...(value ? [`${metric} ${numberText(value)}`] : []),
          ]
        }}
        onPick={(i) => go(studyPath(study, 'trials', trials[i]!))}
        options={(colors) => ({
          scales: {
            x: { time: false, range: (_, min, max) => [Math.min(0, min), Math.max(1, max)] },
            y: {
              range: (_, min, max) => roomy(Math.min(min, ...bounds), Math.max(max, ...bounds), 0.1),
            },
            // Failed trials have no value: they stand along the bottom.
            failed: { range: [0, 1] },
          },
          axes: [
            axis(colors, 'trial', { side: 'bottom', isWhole: true }),
            axis(colors, `${metricLabel(metric)}, ${direction}`),
          ],
          series: [
            {},
            points(colors.faint, size, colors.faint),
            points(colors.point, size, colors.card),
            points(colors.point, size, colors.point),
            steps(colors.best),
            { ...points(colors.failed, 5, colors.failed), scale: 'failed' },
          ],
          cursor: { y: false, points: { show: false } },
          hooks: { draw: [(u) => drawBounds(u, colors, [], bounds)] },
        })}
      />
    </>
  )
}

/** Columns by trial: pruned, outside a bound, feasible, best so far, failed. */
function aligned({ trial, value, kind, best, failed }: Course): { data: uPlot.AlignedData; trials: readonly number[] } {
  const trials = [...new Set([...trial, ...best.trial, ...failed])].sort((a, b) => a - b)
  const place = new Map(trials.map((number, i) => [number, i]))
  const empty = () => new Array<Cell>(trials.length).fill(null)
  const columns = [empty(), empty(), empty(), empty(), empty()] as const
  trial.forEach((number, i) => {
    const column = kind[i] === 0 ? columns[2] : kind[i] === 1 ? columns[1] : columns[0]
    column[place.get(number)!] = value[i]!
  })
  best.trial.forEach((number, i) => {
    columns[3][place.get(number)!] = best.value[i]!
  })
  // The best so far holds until the last trial.
  if (best.value.length > 0) columns[3][trials.length - 1] = best.value.at(-1)!
  for (const number of failed) columns[4][place.get(number)!] = 0.02
  return { data: [trials, ...columns], trials }
}
