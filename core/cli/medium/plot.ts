/** One part of an experiment as an SVG document: a panel per compared metric, a row per arm, a dot per seed. */
import { measured } from '../../reproduction.ts'
import { niceTicks } from '../report/ticks.ts'
import { lastValues, type PartSummary } from './summary.ts'

const [WIDTH, LEFT, RIGHT, ROW, HEAD, FOOT] = [760, 230, 30, 28, 46, 34]
const [INK, FAINT, MUTED, DOT, MEAN] = ['#24292f', '#d9dee3', '#6b7480', '#7aa6d8', '#d1495b']

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const at = (value: number) => value.toFixed(1)

function panel(
  { part, lines }: PartSummary,
  metric: string,
  top: number,
): { readonly svg: string; readonly height: number } {
  const arms = part.arms.flatMap((arm) => {
    const values = [...lastValues(lines, arm, metric).values()]
    return values.length === 0 ? [] : [{ arm, values, ...measured(values) }]
  })
  const edges = arms.flatMap(({ values, mean, sd = 0 }) => [...values, mean - sd, mean + sd])
  const [least, most] = [Math.min(...edges), Math.max(...edges)]
  const ticks = niceTicks(least, most > least ? most : least + 1)
  const [low, high] = [ticks[0] as number, ticks.at(-1) as number]
  const x = (value: number) => LEFT + ((WIDTH - LEFT - RIGHT) * (value - low)) / (high - low)
  const bottom = top + HEAD + ROW * arms.length
  const decimals = Math.max(...ticks.map((tick) => (String(tick).split('.')[1] ?? '').length))
  const grid = ticks.map(
    (tick) =>
      `<line x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${top + HEAD}" y2="${bottom}" stroke="${FAINT}"/>` +
      `<text x="${at(x(tick))}" y="${bottom + 18}" text-anchor="middle" fill="${MUTED}">${tick.toFixed(Math.min(6, decimals))}</text>`,
  )
  const rows = arms.map(({ arm, values, mean, sd = 0 }, index) => {
    const y = top + HEAD + ROW * (index + 0.5)
    const dots = values.map(
      (value) => `<circle cx="${at(x(value))}" cy="${at(y)}" r="4" fill="${DOT}" fill-opacity="0.75"/>`,
    )
    return (
      `<text x="${LEFT - 12}" y="${at(y + 4)}" text-anchor="end" fill="${INK}">${escaped(arm)}</text>${dots.join('')}` +
      `<line x1="${at(x(mean - sd))}" x2="${at(x(mean + sd))}" y1="${at(y)}" y2="${at(y)}" stroke="${MEAN}" stroke-width="1.5"/>` +
      `<line x1="${at(x(mean))}" x2="${at(x(mean))}" y1="${at(y - 8)}" y2="${at(y + 8)}" stroke="${MEAN}" stroke-width="2.5"/>`
    )
  })
  const title = `<text x="${LEFT}" y="${top + 32}" font-weight="bold" fill="${INK}">${escaped(metric)}</text>`
  return { svg: [title, ...grid, ...rows].join('\n'), height: bottom + FOOT - top }
}

/** Dots are seeds, red lines mean ± standard deviation. */
export function plotOf(summary: PartSummary): string {
  const { part } = summary
  const compared = new Set(part.comparisons.map(({ metric }) => metric))
  const metrics = part.metrics.map(({ name }) => name).filter((name) => compared.has(name))
  let top = 34
  const panels = (metrics.length > 0 ? metrics : part.metrics.slice(0, 1).map(({ name }) => name)).flatMap((metric) => {
    if (!summary.lines.some((line) => line.metric === metric && part.arms.includes(line.arm))) return []
    const { svg, height } = panel(summary, metric, top)
    top += height
    return [svg]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top + 8}" viewBox="0 0 ${WIDTH} ${top + 8}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13">
<title>${escaped(part.title)}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="20" y="26" font-size="16" font-weight="bold" fill="${INK}">${escaped(part.title)}</text>
${panels.join('\n')}
</svg>
`
}
