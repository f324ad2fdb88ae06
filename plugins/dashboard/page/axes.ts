import uPlot from 'uplot'
import type { Colors } from './chart.tsx'
import { numberText } from './format.ts'

const FONT = '12px system-ui, sans-serif'

/** An axis with a label; `whole` axes have ticks at whole numbers only. */
export function axis(colors: Colors, label: string, { side = 'left', isWhole = false } = {}): uPlot.Axis {
  const isBelow = side === 'bottom'
  return {
    label,
    labelFont: FONT,
    font: FONT,
    labelSize: 22,
    labelGap: 2,
    size: isBelow ? 34 : (_, values) => 18 + 6.6 * Math.max(3, ...(values ?? []).map((text) => text?.length ?? 0)),
    space: isBelow ? 70 : 26,
    stroke: colors.muted,
    grid: { stroke: colors.grid, width: 1 },
    ticks: { stroke: colors.grid, width: 1, size: 5 },
    ...(isWhole && { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] }),
    values: (_, splits) => splits.map((value) => (value === null ? '' : numberText(Number(value.toPrecision(10))))),
  }
}

/** Series of points alone. */
export function points(stroke: string, size: number, fill?: string): uPlot.Series {
  return {
    stroke,
    paths: () => null,
    points: { show: true, size, stroke, width: 1.2, ...(fill !== undefined && { fill }) },
  }
}

/** A line of steps, without points. */
export const steps = (stroke: string, width = 2, align: -1 | 1 = 1): uPlot.Series => ({
  stroke,
  width,
  spanGaps: true,
  points: { show: false },
  ...(uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align }) }),
})

/** Range over values that are not null, with some room; of a single value, a range around it. */
export function roomy(low: number, high: number, room = 0.06): [number, number] {
  if (!(low <= high)) return [0, 1]
  const pad = high > low ? room * (high - low) : Math.abs(high) * 0.1 || 1
  return [low - pad, high + pad]
}

/** Bounds that lie near enough to the values to be shown. */
export function nearBounds(bounds: readonly number[], low: number, high: number): readonly number[] {
  const reach = 1.5 * (high - low || Math.abs(high) || 1)
  return bounds.filter((bound) => bound >= low - reach && bound <= high + reach)
}

/** Draws bounds as dashed lines: across where they bound y, upright where they bound x. */
export function drawBounds(u: uPlot, colors: Colors, xs: readonly number[], ys: readonly number[]): void {
  const { ctx, bbox } = u
  ctx.save()
  ctx.strokeStyle = colors.ink
  ctx.fillStyle = colors.ink
  ctx.lineWidth = devicePixelRatio
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio])
  const gap = 4 * devicePixelRatio
  for (const bound of ys) {
    const y = u.valToPos(bound, 'y', true)
    if (y < bbox.top || y > bbox.top + bbox.height) continue
    line(ctx, bbox.left, y, bbox.left + bbox.width, y)
    ctx.textAlign = 'right'
    ctx.fillText(`bound ${numberText(bound)}`, bbox.left + bbox.width - gap, y - gap)
  }
  for (const bound of xs) {
    const x = u.valToPos(bound, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    line(ctx, x, bbox.top, x, bbox.top + bbox.height)
    const isRight = x > bbox.left + bbox.width / 2
    ctx.textAlign = isRight ? 'right' : 'left'
    ctx.fillText(`bound ${numberText(bound)}`, isRight ? x - gap : x + gap, bbox.top + 12 * devicePixelRatio)
  }
  ctx.restore()
}

export interface Mark {
  readonly x: number
  readonly text: string
}

/** Draws places of x as upright dashed lines with their names. */
export function drawMarks(u: uPlot, colors: Colors, marks: readonly Mark[]): void {
  const { ctx, bbox } = u
  ctx.save()
  ctx.strokeStyle = colors.muted
  ctx.fillStyle = colors.muted
  ctx.lineWidth = devicePixelRatio
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
  ctx.textAlign = 'left'
  let free = bbox.left
  for (const { x: at, text } of marks) {
    const x = u.valToPos(at, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    line(ctx, x, bbox.top, x, bbox.top + bbox.height)
    const width = ctx.measureText(text).width + 6 * devicePixelRatio
    // Names that would touch one another, or stick out, are left out.
    if (x < free || x + width > bbox.left + bbox.width) continue
    ctx.fillText(text, x + 3 * devicePixelRatio, bbox.top + 11 * devicePixelRatio)
    free = x + width
  }
  ctx.restore()
}

function line(ctx: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  ctx.beginPath()
  ctx.moveTo(x1, y1)
  ctx.lineTo(x2, y2)
  ctx.stroke()
}
