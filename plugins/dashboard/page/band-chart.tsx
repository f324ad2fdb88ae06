import type uPlot from 'uplot'
import type { Direction } from '../protocol.ts'
import { axis, steps } from './axes.ts'
import type { Band } from './bands.ts'
import { Chart } from './chart.tsx'
import { metricLabel, numberText } from './format.ts'
import { Legend } from './legend.tsx'

/** Best-so-far of groups of studies: their median, and the range from the least to the greatest. */
export function BandChart({
  metric,
  direction,
  bands,
}: {
  readonly metric: string
  readonly direction: Direction
  readonly bands: readonly Band[]
}) {
  const [first] = bands
  if (!first) return null
  const data = [first.trial, ...bands.flatMap(({ high, low, median }) => [high, low, median])]
  return (
    <>
      <Legend
        items={bands.map(({ name, studies }, i) => ({
          mark: studies > 1 ? 'band' : 'line',
          color: `series-${(i % 6) + 1}`,
          text: studies > 1 ? `${name}: median and range of ${studies}` : name,
        }))}
      />
      <Chart
        label={`Best ${metric} so far of ${bands.map(({ name }) => name).join(', ')}`}
        form={JSON.stringify([metric, direction, bands.map(({ name }) => name)])}
        height={320}
        data={data as unknown as uPlot.AlignedData}
        hint={(i) => [
          `trial ${first.trial[i]}`,
          ...bands.flatMap(({ name, median }) => {
            const value = median[i]
            return value === null || value === undefined ? [] : [`${name} ${numberText(value)}`]
          }),
        ]}
        options={(colors) => {
          const color = (i: number) => colors.series[i % colors.series.length]!
          return {
            scales: { x: { time: false } },
            axes: [
              axis(colors, 'trial', { side: 'bottom', isWhole: true }),
              axis(colors, `best ${metricLabel(metric)} so far, ${direction}`),
            ],
            series: [
              {},
              ...bands.flatMap((_, i) => [steps(`${color(i)}55`, 1), steps(`${color(i)}55`, 1), steps(color(i), 2.5)]),
            ],
            bands: bands.map((_, i) => ({ series: [3 * i + 1, 3 * i + 2], fill: `${color(i)}2e` })),
            cursor: { y: false, points: { show: false } },
          }
        }}
      />
    </>
  )
}
