import { escapeText, plane } from '../../../core/cli/report/figures.ts'
import { niceTicks } from '../../../core/cli/report/ticks.ts'

export interface RegretCurve {
  readonly name: string
  /** Mean regret after each of `at`. */
  readonly mean: readonly number[]
}

const COLOURS = [
  '#6b7480',
  '#d1495b',
  '#2e86ab',
  '#edae49',
  '#3c896d',
  '#7d5ba6',
  '#a65628',
  '#17becf',
  '#1b1b3a',
  '#b5bd00',
]

/** Mean regret against the number of trials, on a log scale; a mean of 0 ends a curve. */
export function regretFigure(
  title: string,
  at: readonly number[],
  curves: readonly RegretCurve[],
  unit: string,
): string {
  const logs = curves.flatMap(({ mean }) => mean.filter((value) => value > 0).map(Math.log10))
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))]
  const decades = Array.from({ length: Math.max(2, high - low + 1) }, (_, i) => low + i)
  const ticks = niceTicks(0, at.at(-1)!, 8)
  return plane(
    title,
    { label: 'trials', ticks, text: String },
    { label: `mean regret, ${unit}`, ticks: decades, text: (tick) => `1e${tick}` },
    (x, y) =>
      curves.flatMap(({ name, mean }, i) => {
        const colour = COLOURS[i % COLOURS.length]
        const points = mean.flatMap((value, k) =>
          value > 0 ? [`${x(at[k]!).toFixed(1)} ${y(Math.log10(value)).toFixed(1)}`] : [],
        )
        const place = 60 + 18 * i
        const dash = name.startsWith('optuna') ? ' stroke-dasharray="6 3"' : ''
        return [
          `<path d="M${points.join('L')}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
          `<line x1="690" x2="714" y1="${place - 4}" y2="${place - 4}" stroke="${colour}" stroke-width="2"${dash}/>`,
          `<text x="720" y="${place}" fill="${colour}">${escapeText(name)}</text>`,
        ]
      }),
  )
}
