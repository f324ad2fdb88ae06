import { numberText } from '../text.ts'
import type { Series } from './series.ts'
import { niceTicks } from './ticks.ts'

const [WIDTH, HEIGHT] = [860, 420]
const [LEFT, RIGHT, TOP, BOTTOM] = [72, 28, 58, 62]
const INK = '#24292f'
const FAINT = '#d9dee3'
const MUTED = '#6b7480'
const TRIAL = '#7aa6d8'
const BEST = '#d1495b'

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const at = (value: number) => value.toFixed(1)

/** Every trial and the best so far against the trial's number, as an SVG document. */
export function progressChart({ objective, points, best, failed, trials }: Series, title: string): string {
  const values = points.map(({ value }) => value)
  const yTicks = values.length > 0 ? niceTicks(Math.min(...values), Math.max(...values)) : niceTicks(0, 1)
  const xTicks = niceTicks(0, Math.max(1, trials - 1), 8).filter(
    (x) => Number.isInteger(x) && x <= Math.max(1, trials - 1),
  )
  const [low, high] = [yTicks[0] as number, yTicks.at(-1) as number]
  const x = (trial: number) => LEFT + 10 + ((WIDTH - LEFT - RIGHT - 20) * trial) / Math.max(1, trials - 1)
  const y = (value: number) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (value - low)) / (high - low)
  const radius = trials > 1500 ? 1.2 : trials > 300 ? 2 : 3.5

  const grid = yTicks.map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(value))}" y2="${at(y(value))}" stroke="${FAINT}"/>` +
      `<text x="${LEFT - 10}" y="${at(y(value) + 4)}" text-anchor="end" fill="${MUTED}">${tickText(value, yTicks)}</text>`,
  )
  const numbers = xTicks.map(
    (trial) =>
      `<text x="${at(x(trial))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle" fill="${MUTED}">${trial}</text>`,
  )
  const dots = points.map(({ trial, value, feasible }) => {
    const fill = feasible ? `fill="${TRIAL}" fill-opacity="0.75"` : `fill="none" stroke="${TRIAL}"`
    return `<circle cx="${at(x(trial))}" cy="${at(y(value))}" r="${radius}" ${fill}/>`
  })
  const crosses = failed.map((trial) => {
    const [cx, cy] = [x(trial), HEIGHT - BOTTOM - 7]
    return `<path d="M${at(cx - 4)} ${at(cy - 4)}l8 8m0-8l-8 8" stroke="${BEST}" stroke-width="1.5"/>`
  })
  const last = best.at(-1)
  const steps = best
    .map(({ trial, value }, i) => (i === 0 ? `M${at(x(trial))} ${at(y(value))}` : `H${at(x(trial))}V${at(y(value))}`))
    .join('')
  const line = last
    ? `<path d="${steps}H${at(x(Math.max(0, trials - 1)))}" fill="none" stroke="${BEST}" stroke-width="2.2"/>` +
      `<circle cx="${at(x(last.trial))}" cy="${at(y(last.value))}" r="5" fill="${BEST}"/>`
    : ''
  const infeasible = points.some(({ feasible }) => !feasible)
  const legend = [
    { mark: `<circle cx="0" cy="-4" r="3.5" fill="${TRIAL}"/>`, text: 'trial' },
    ...(infeasible
      ? [{ mark: `<circle cx="0" cy="-4" r="3.5" fill="none" stroke="${TRIAL}"/>`, text: 'out of bounds' }]
      : []),
    ...(failed.length > 0
      ? [{ mark: `<path d="M-4 -8l8 8m0-8l-8 8" stroke="${BEST}" stroke-width="1.5"/>`, text: 'failed' }]
      : []),
    ...(last
      ? [
          {
            mark: `<path d="M-10 -4H10" stroke="${BEST}" stroke-width="2.2"/>`,
            text: `best so far: ${numberText(last.value)} (trial ${last.trial})`,
          },
        ]
      : []),
  ]
  let offset = LEFT + 8
  const keys = legend.map(({ mark, text }) => {
    const key = `<g transform="translate(${offset} ${TOP - 12})">${mark}<text x="15" fill="${INK}">${escaped(text)}</text></g>`
    offset += 44 + 7 * text.length
    return key
  })
  const middle = (TOP + HEIGHT - BOTTOM) / 2
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${LEFT}" y="24" font-size="16" font-weight="bold" fill="${INK}">${escaped(shortened(title))}</text>
${grid.join('\n')}
${numbers.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 18}" text-anchor="middle" fill="${INK}">trial</text>
<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle" fill="${INK}">${escaped(objective.metric)} (${objective.direction})</text>
${dots.join('\n')}
${crosses.join('\n')}
${line}
${keys.join('\n')}
</svg>
`
}

/** Ticks of one axis with the same number of decimals. */
function tickText(value: number, ticks: readonly number[]): string {
  const size = Math.max(...ticks.map(Math.abs))
  if (size >= 1e4) return numberText(value)
  const decimals = Math.max(...ticks.map((tick) => (String(tick).split('.')[1] ?? '').length))
  return value.toFixed(Math.min(6, decimals))
}

/** A title that fits the width: names of spaces carry their options. */
const shortened = (title: string) => (title.length > 72 ? `${title.slice(0, 71)}…` : title)
