import uPlot from 'uplot'
import { axis, drawMarks, type Mark, points, steps } from './axes.ts'
import { Chart, type Colors } from './chart.tsx'
import { numberText } from './format.ts'

export interface LineChartProps {
  readonly x: readonly number[]
  /** One column per line; null where a line has no value. */
  readonly lines: readonly (readonly (number | null)[])[]
  readonly names?: readonly string[]
  readonly xLabel: string
  readonly yLabel: string
  readonly label: string
  readonly kind?: 'line' | 'steps' | 'bars'
  readonly isWhole?: boolean
  readonly fromZero?: boolean
  readonly height?: number
  /** Places of x that are marked with a name. */
  readonly marks?: readonly Mark[]
  readonly onPick?: (index: number) => void
}

/** Lines, steps or bars over numbers. */
export function LineChart(props: LineChartProps) {
  const { x, lines, names = [], xLabel, yLabel, label, kind = 'line', isWhole = false, fromZero = false } = props
  const { height = 180, onPick, marks = [] } = props
  const few = x.length <= 60
  const look = (colors: Colors, i: number): uPlot.Series => {
    const stroke = colors.series[i % colors.series.length]!
    if (kind === 'steps') return { ...steps(stroke), points: { show: few, size: 5, stroke, fill: stroke } }
    if (kind === 'bars')
      return {
        stroke,
        fill: stroke,
        points: { show: false },
        ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.85, 60] }) }),
      }
    if (x.length === 1) return points(stroke, 7, stroke)
    return { stroke, width: 2, spanGaps: true, points: { show: few, size: 5, stroke, fill: stroke } }
  }
  return (
    <Chart
      label={label}
      height={height}
      form={JSON.stringify([names, xLabel, yLabel, kind, few, x.length === 1, lines.length, marks])}
      data={[x, ...lines] as unknown as uPlot.AlignedData}
      hint={(i) => [
        `${xLabel} ${numberText(x[i]!)}`,
        ...lines.flatMap((line, at) => {
          const value = line[i]
          return value === null || value === undefined ? [] : [`${names[at] ?? yLabel} ${numberText(value)}`]
        }),
      ]}
      {...(onPick && { onPick })}
      options={(colors) => ({
        scales: {
          x: {
            time: false,
            // The first and the last bar are as wide as the others.
            ...(kind === 'bars' &&
              isWhole && { range: (_: uPlot, min: number, max: number): [number, number] => [min - 0.6, max + 0.6] }),
          },
          ...(fromZero && {
            y: { range: (_: uPlot, _min: number, max: number): [number, number] => [0, 1.1 * max || 1] },
          }),
        },
        axes: [axis(colors, xLabel, { side: 'bottom', isWhole }), axis(colors, yLabel)],
        series: [{}, ...lines.map((_, i) => look(colors, i))],
        cursor: { y: false, points: { show: kind !== 'bars' } },
        hooks: { draw: [(u) => drawMarks(u, colors, marks)] },
      })}
    />
  )
}
