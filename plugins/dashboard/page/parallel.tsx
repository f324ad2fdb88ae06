import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { DecisionFact, Parallel } from '../protocol.ts'
import { useAnswer } from './asking.ts'
import { type Colors, useColors } from './chart.tsx'
import { countText, numberText } from './format.ts'
import { Card, Empty, Problem, Scroller, Select } from './parts.tsx'
import { go, studyPath, withQuery } from './route.ts'
import type { Known } from './study.tsx'

interface Axis {
  readonly name: string
  /** Positions of the lines on it, 0 at the bottom to 1 at the top; null where a line has no value. */
  readonly at: readonly (number | null)[]
  readonly ticks: readonly { readonly at: number; readonly text: string }[]
}

/** Axes that are shown at first. */
const AXES = 9

/** Completed trials as lines over their decisions and a metric. */
export function ParallelPage({ study, overview, seq, query }: Known & { readonly query: URLSearchParams }) {
  const { data, problem } = useAnswer<Parallel>(`/api${studyPath(study, 'parallel')}`, seq)
  const metrics = [...new Set([...overview.objectives.map(({ metric }) => metric), ...overview.metrics])]
  const asked = query.get('metric')
  const metric = asked !== null && metrics.includes(asked) ? asked : (metrics[0] ?? '')
  const direction = overview.objectives.find((each) => each.metric === metric)?.direction ?? 'minimise'
  const varying = useMemo(() => (data ? varyingDecisions(overview.decisions, data) : []), [data])
  const [picked, setPicked] = useState<readonly string[]>()
  const shown = picked ?? varying.slice(0, AXES - 1)
  const [share, setShare] = useState(100)
  return (
    <Card
      title="Parallel coordinates"
      wide
      aside={
        <Select
          label="Coloured by"
          value={metric}
          options={metrics}
          onChange={(value) => go(withQuery(query, { metric: value }), true)}
        />
      }
    >
      {problem && <Problem text={problem} />}
      {data && data.trial.length === 0 && <Empty>No feasible trial has completed yet.</Empty>}
      {data && data.trial.length > 0 && (
        <>
          <div class="fields">
            <label class="field grow">
              <span>
                Best {share} % by {metric}
              </span>
              <input
                type="range"
                min="1"
                max="100"
                value={share}
                onInput={(event) => setShare(Number(event.currentTarget.value))}
              />
            </label>
            <span class="muted small">
              {countText(data.trial.length)} of {countText(data.total)} completed feasible trials; the best are all
              among them.
            </span>
          </div>
          <Lines
            axes={[
              ...shown.map((name) => decisionAxis(overview.decisions, name, data)),
              metricAxis(metric, data.metrics[metric] ?? []),
            ]}
            values={data.metrics[metric] ?? []}
            direction={direction}
            share={share}
          />
          <details>
            <summary>
              {shown.length} of {varying.length} decisions that vary
            </summary>
            <div class="checks">
              {varying.map((name) => (
                <label key={name}>
                  <input
                    type="checkbox"
                    checked={shown.includes(name)}
                    onChange={(event) => {
                      const keep = event.currentTarget.checked
                      setPicked(varying.filter((each) => (each === name ? keep : shown.includes(each))))
                    }}
                  />
                  {name}
                </label>
              ))}
            </div>
          </details>
        </>
      )}
      {!data && !problem && <div class="placeholder" />}
    </Card>
  )
}

function varyingDecisions(decisions: readonly DecisionFact[], { genotypes }: Parallel): readonly string[] {
  const [first] = genotypes
  return decisions.flatMap(({ name }, i) => (genotypes.some((each) => each[i] !== first?.[i]) ? [name] : []))
}

function decisionAxis(decisions: readonly DecisionFact[], name: string, { genotypes }: Parallel): Axis {
  const i = decisions.findIndex((decision) => decision.name === name)
  const { options, min = 0, max = 1, scale } = decisions[i] ?? { scale: undefined }
  if (options) {
    const last = Math.max(1, options.length - 1)
    const every = Math.ceil(options.length / 12)
    return {
      name,
      at: genotypes.map((genotype) => (genotype[i] ?? 0) / last),
      ticks: options.flatMap((text, k) =>
        k % every === 0 || k === options.length - 1 ? [{ at: k / last, text }] : [],
      ),
    }
  }
  const turn = scale === 'log' ? Math.log : (value: number) => value
  const position = (value: number) => (turn(value) - turn(min)) / (turn(max) - turn(min) || 1)
  return {
    name,
    at: genotypes.map((genotype) => position(genotype[i] ?? min)),
    ticks: [min, max].map((value) => ({ at: position(value), text: numberText(value) })),
  }
}

function metricAxis(name: string, values: readonly (number | null)[]): Axis {
  const known = values.filter((value) => value !== null)
  const low = known.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = known.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const span = high - low || 1
  return {
    name,
    at: values.map((value) => (value === null ? null : (value - low) / span)),
    ticks: [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, text: numberText(low + at * span) })),
  }
}

const [HEIGHT, TOP, BOTTOM, SIDE] = [380, 44, 20, 70]

function Lines({
  axes,
  values,
  direction,
  share,
}: {
  readonly axes: readonly Axis[]
  readonly values: readonly (number | null)[]
  readonly direction: 'maximise' | 'minimise'
  readonly share: number
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const colors = useColors()
  const width = Math.max(560, 2 * SIDE + (axes.length - 1) * 115)
  useEffect(() => {
    const element = canvas.current
    const context = element?.getContext('2d')
    if (!element || !context) return
    const ratio = devicePixelRatio
    element.width = width * ratio
    element.height = HEIGHT * ratio
    context.scale(ratio, ratio)
    draw(context, { axes, values, direction, share, colors, width })
  })
  return (
    <Scroller label="Parallel coordinates, scrolls sideways">
      <canvas
        ref={canvas}
        class="lines"
        style={{ width: `${width}px`, height: `${HEIGHT}px` }}
        role="img"
        aria-label={`${values.length} trials over ${axes.map(({ name }) => name).join(', ')}`}
      />
    </Scroller>
  )
}

interface Drawn {
  readonly axes: readonly Axis[]
  readonly values: readonly (number | null)[]
  readonly direction: 'maximise' | 'minimise'
  readonly share: number
  readonly colors: Colors
  readonly width: number
}

function draw(context: CanvasRenderingContext2D, { axes, values, direction, share, colors, width }: Drawn): void {
  const sign = direction === 'maximise' ? 1 : -1
  const order = values
    .map((value, i) => ({ i, gain: value === null ? Number.NEGATIVE_INFINITY : sign * value }))
    .sort((a, b) => a.gain - b.gain)
  const kept = Math.max(1, Math.round((order.length * share) / 100))
  const x = (axis: number) => SIDE + (axis * (width - 2 * SIDE)) / Math.max(1, axes.length - 1)
  const y = (at: number) => HEIGHT - BOTTOM - at * (HEIGHT - TOP - BOTTOM)
  order.forEach(({ i }, rank) => {
    const isKept = rank >= order.length - kept
    const place = order.length > 1 ? rank / (order.length - 1) : 1
    context.strokeStyle = isKept && place > 0.95 ? colors.best : isKept ? colors.point : colors.grid
    context.globalAlpha = isKept ? Math.max(0.12, place * Math.min(0.85, 90 / kept + 0.25)) : 0.25
    context.lineWidth = place > 0.95 && isKept ? 1.8 : 1
    context.beginPath()
    axes.forEach(({ at }, axis) => {
      const value = at[i]
      if (value !== null && value !== undefined) context.lineTo(x(axis), y(value))
    })
    context.stroke()
  })
  context.globalAlpha = 1
  context.font = '12px system-ui, sans-serif'
  axes.forEach(({ name, ticks }, axis) => {
    context.strokeStyle = colors.muted
    context.lineWidth = 1
    context.beginPath()
    context.moveTo(x(axis), y(0))
    context.lineTo(x(axis), y(1))
    context.stroke()
    context.textAlign = 'center'
    context.fillStyle = colors.ink
    // Names alternate in height so that neighbours do not touch.
    context.fillText(short(name, 24), x(axis), axis % 2 === 0 ? 14 : 31)
    context.textAlign = 'left'
    for (const { at, text } of ticks) {
      const label = short(text, 13)
      context.fillStyle = colors.card
      context.globalAlpha = 0.8
      context.fillRect(x(axis) + 4, y(at) - 7, context.measureText(label).width + 4, 14)
      context.globalAlpha = 1
      context.fillStyle = colors.ink
      context.fillText(label, x(axis) + 6, y(at) + 4)
    }
  })
}

/** The end of a name tells more than its beginning. */
const short = (text: string, most: number) => (text.length > most ? `…${text.slice(1 - most)}` : text)
