import type { StudyRecord } from '../../study/record.ts'
import type { ResolvedObjective } from '../../trial/objective.ts'
import { numberText } from '../text.ts'
import { progressChart } from './progress-chart.ts'
import { seriesOf } from './series.ts'
import { niceTicks } from './ticks.ts'

const [WIDTH, HEIGHT] = [860, 420]
const [LEFT, RIGHT, TOP, BOTTOM] = [84, 28, 48, 62]
const [INK, FAINT, MUTED, TRIAL, BEST] = ['#24292f', '#d9dee3', '#6b7480', '#7aa6d8', '#d1495b']

/** Escapes text for HTML and SVG, in an element or in a quoted attribute. */
export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[^\P{Cc}\t\n]/gu, '\ufffd')

const at = (value: number) => value.toFixed(1)

export interface Axis {
  readonly label: string
  readonly ticks: readonly number[]
  readonly text?: (tick: number) => string
}

/** Axes and what is drawn between them; `x` and `y` turn values into pixels. */
export function plane(
  title: string,
  across: Axis,
  up: Axis,
  draw: (x: (value: number) => number, y: (value: number) => number) => readonly string[],
): string {
  const scale = ({ ticks }: Axis, from: number, to: number) => {
    const [low, high] = [ticks[0]!, ticks.at(-1)!]
    return (value: number) => from + ((to - from) * (value - low)) / (high - low || 1)
  }
  const x = scale(across, LEFT, WIDTH - RIGHT)
  const y = scale(up, HEIGHT - BOTTOM, TOP)
  const grid = [
    ...up.ticks.map(
      (tick) =>
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(tick))}" y2="${at(y(tick))}" stroke="${FAINT}"/>` +
        `<text x="${LEFT - 10}" y="${at(y(tick) + 4)}" text-anchor="end" fill="${MUTED}">${escapeText((up.text ?? numberText)(tick))}</text>`,
    ),
    ...across.ticks.map(
      (tick) =>
        `<text x="${at(x(tick))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle" fill="${MUTED}">${escapeText((across.text ?? numberText)(tick))}</text>`,
    ),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${LEFT}" y="24" font-size="16" font-weight="bold" fill="${INK}">${escapeText(title)}</text>
${grid.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 18}" text-anchor="middle" fill="${INK}">${escapeText(across.label)}</text>
<text transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" fill="${INK}">${escapeText(up.label)}</text>
${draw(x, y).join('\n')}
</svg>
`
}

/**
 * Draws the distance of the best feasible value so far from the objective's target, or from the best value of the
 * study if the objective has no target, on a log scale. Undefined if no distance is above 0.
 */
export function regretChart({ trials }: Pick<StudyRecord, 'trials'>, objective: ResolvedObjective): string | undefined {
  const { best } = seriesOf(trials, objective)
  const goal = objective.target ?? best.at(-1)?.value
  if (goal === undefined) return undefined
  const points = best
    .map(({ trial, value }) => ({ trial, regret: objective.direction === 'maximise' ? goal - value : value - goal }))
    .filter(({ regret }) => regret > 0 && Number.isFinite(regret))
  if (points.length === 0) return undefined
  const logs = points.map(({ regret }) => Math.log10(regret))
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))]
  const decades = Array.from({ length: Math.max(2, high - low + 1) }, (_, i) => low + i)
  const last = Math.max(1, trials.length - 1)
  const ticks = [
    ...new Set([0, ...niceTicks(0, last, 8).filter((tick) => Number.isInteger(tick) && tick < last), last]),
  ]
  const towards = objective.target === undefined ? 'the best of the study' : `the target ${numberText(goal)}`
  return plane(
    `Regret: distance from ${towards}`,
    { label: 'trial', ticks, text: String },
    { label: `regret of ${objective.metric}`, ticks: decades, text: (tick) => `1e${tick}` },
    (x, y) => {
      const steps = points.map(({ trial, regret }, i) => {
        const [px, py] = [at(x(trial)), at(y(Math.log10(regret)))]
        return i === 0 ? `M${px} ${py}` : `H${px}V${py}`
      })
      const end = points.length < best.length ? best[points.length]!.trial : last
      return [`<path d="${steps.join('')}H${at(x(end))}" fill="none" stroke="${BEST}" stroke-width="2.2"/>`]
    },
  )
}

/** The first two objectives of all completed trials, with the front and the bounds. Undefined where there is one objective. */
export function paretoChart(study: StudyRecord): string | undefined {
  const [first, second] = study.state.objectives
  if (!first || !second) return undefined
  const pointOf = ({ metrics }: { readonly metrics: Readonly<Record<string, number>> }) =>
    [metrics[first.metric] ?? Number.NaN, metrics[second.metric] ?? Number.NaN] as const
  const isFinitePoint = ([a, b]: readonly [number, number]) => Number.isFinite(a) && Number.isFinite(b)
  const trials = study.trials.filter((trial) => trial.status === 'completed' && isFinitePoint(pointOf(trial)))
  if (trials.length === 0) return undefined
  const range = (index: 0 | 1) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const trial of trials) {
      const value = pointOf(trial)[index]
      low = Math.min(low, value)
      high = Math.max(high, value)
    }
    return niceTicks(low, high)
  }
  const across = { label: `${first.metric} (${first.direction})`, ticks: range(0) }
  const up = { label: `${second.metric} (${second.direction})`, ticks: range(1) }
  const front = new Set(study.state.front.map(({ trial }) => trial))
  const within = (value: number, { ticks }: Axis) => value >= ticks[0]! && value <= ticks.at(-1)!
  return plane('Trials by two objectives', across, up, (x, y) => [
    ...[first.atMost, first.atLeast].flatMap((bound) =>
      bound === undefined || !within(bound, across)
        ? []
        : [
            `<line x1="${at(x(bound))}" x2="${at(x(bound))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="${INK}" stroke-dasharray="5 4"/>`,
          ],
    ),
    ...[second.atMost, second.atLeast].flatMap((bound) =>
      bound === undefined || !within(bound, up)
        ? []
        : [
            `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(bound))}" y2="${at(y(bound))}" stroke="${INK}" stroke-dasharray="5 4"/>`,
          ],
    ),
    ...trials.map((trial) => {
      const [a, b] = pointOf(trial)
      const fill = front.has(trial.trial)
        ? `r="5" fill="${BEST}"`
        : trial.feasible
          ? `r="3" fill="${TRIAL}"`
          : `r="3" fill="none" stroke="${TRIAL}"`
      return `<circle cx="${at(x(a))}" cy="${at(y(b))}" ${fill}><title>trial ${trial.trial}</title></circle>`
    }),
  ])
}

export interface Figure {
  readonly name: string
  readonly caption: string
  readonly svg: string
}

/** The figures of a study that can be drawn. */
export function figuresOf(study: StudyRecord): readonly Figure[] {
  const [objective] = study.state.objectives
  if (!objective || study.trials.length === 0) return []
  const pareto = paretoChart(study)
  const regret = regretChart(study, objective)
  return [
    {
      name: 'progress',
      caption: `Every trial, and the best feasible ${objective.metric} so far.`,
      svg: progressChart(seriesOf(study.trials, objective), `${study.started.space.name}: ${study.name}`),
    },
    ...(regret === undefined
      ? []
      : [{ name: 'regret', caption: 'Regret of the best feasible trial so far.', svg: regret }]),
    ...(pareto === undefined
      ? []
      : [
          {
            name: 'pareto',
            caption: 'Completed trials; the front in red, trials out of bounds hollow, bounds dashed.',
            svg: pareto,
          },
        ]),
  ]
}
