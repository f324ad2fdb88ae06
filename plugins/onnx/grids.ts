/** Where quantised values lie: scales, zero points, and integers for weights that already lie on a grid. */
import { type ElementType, type GraphConstant, productOf } from './graph.ts'

/** How much of the greatest value is kept, tried in this order when the mean squared error is minimised. */
const shares = Array.from({ length: 31 }, (_, i) => 1 - i * 0.025)

export interface Range {
  readonly low: number
  readonly high: number
  /** Some of the values, for the choice of a smaller range. */
  readonly sample: Float32Array
}

/** value = (code − zero)·scale, codes 0 … 2ᵇ − 1. */
export interface ActivationGrid {
  readonly scale: number
  readonly zero: number
  readonly levels: number
}

const gridOf = (low: number, high: number, bits: number): ActivationGrid => {
  const levels = 2 ** bits
  const [from, to] = [Math.min(0, low), Math.max(0, high)]
  const scale = Math.max((to - from) / (levels - 1), 1e-12)
  return { scale, zero: Math.min(levels - 1, Math.max(0, Math.round(-from / scale))), levels }
}

const errorOf = (sample: Float32Array, { scale, zero, levels }: ActivationGrid) => {
  let sum = 0
  for (const value of sample) {
    const code = Math.min(levels - 1, Math.max(0, Math.round(value / scale) + zero))
    sum += (value - (code - zero) * scale) ** 2
  }
  return sum
}

/** The grid of least mean squared error whose range is a part of the values' own. It holds 0 exactly. */
export function activationGrid({ low, high, sample }: Range, bits: number): ActivationGrid {
  let [best, least] = [gridOf(low, high, bits), Number.POSITIVE_INFINITY]
  for (const share of shares) {
    const grid = gridOf(low * share, high * share, bits)
    const error = errorOf(sample, grid)
    if (error < least) [best, least] = [grid, error]
  }
  return best
}

/** Integers and one scale a channel; the weights are codes·scale, plus shift·scale where the grid has no zero. */
export interface WeightCodes {
  readonly codes: Int32Array
  readonly scales: Float32Array
  readonly type: ElementType
  /** Added to codes: one half where the grid lies around zero without it, and codes would not fit otherwise. */
  readonly shift: 0 | 0.5
  /** Different codes that can occur. */
  readonly levels: number
  /** The weights lay on a grid of so many bits already: nothing was rounded. */
  readonly exact: boolean
}

/** Values of each channel of an axis, copied together. */
function channelsOf({ dims, values }: GraphConstant, axis: number): Float32Array[] {
  const [count, inner] = [dims[axis] as number, productOf(dims.slice(axis + 1))]
  const channels = Array.from({ length: count }, () => new Float32Array(values.length / count))
  const filled = new Array<number>(count).fill(0)
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner) % count
    ;(channels[channel] as Float32Array)[filled[channel]!++] = values[i] as number
  }
  return channels
}

/** The step of a grid k·step or (k + ½)·step on which the values lie, if they take few enough values. */
function stepOf(values: Float32Array, bits: number): { step: number; half: boolean } | undefined {
  const distinct = [...new Set(values)].sort((a, b) => a - b)
  const greatest = Math.max(Math.abs(distinct[0] ?? 0), Math.abs(distinct.at(-1) ?? 0))
  const tolerance = greatest * 1e-5
  const levels = distinct.filter((value, i) => i === 0 || value - (distinct[i - 1] as number) > tolerance)
  if (levels.length > 2 ** bits || greatest === 0) return undefined
  const least = levels.reduce((min, value, i) => (i === 0 ? min : Math.min(min, value - (levels[i - 1] as number))), Number.POSITIVE_INFINITY) // biome-ignore format: one line
  const widest = Number.isFinite(least) ? least : 2 * greatest
  // Neighbours may be several steps apart: not every level occurs.
  for (let apart = 1; apart < 2 ** bits; apart++) {
    const step = widest / apart
    if (greatest / step > 2 ** (bits - 1) + 0.02) return undefined
    const on = (offset: number) =>
      levels.every((value) => {
        const at = value / step - offset
        return Math.abs(at - Math.round(at)) < 0.02
      })
    const half = on(0.5)
    // The outermost value says the step more exactly than two neighbours do.
    const offset = half ? 0.5 : 0
    if (half || on(0)) return { step: greatest / (Math.round(greatest / step - offset) + offset), half }
  }
  return undefined
}

const narrow = (codes: Int32Array): ElementType | undefined => {
  let [low, high] = [0, 0]
  for (const code of codes) {
    low = Math.min(low, code)
    high = Math.max(high, code)
  }
  return low >= -8 && high <= 7 ? 'int4' : low >= -128 && high <= 127 ? 'int8' : undefined
}

/**
 * Weights as integers of `bits` bits, one scale a channel of `axis`. Weights that a search has put on a grid of that
 * many levels keep it exactly; others are rounded to 2ᵇ − 1 levels around zero, of the range of least squared error.
 */
export function weightCodes(
  weights: GraphConstant,
  axis: number,
  bits: number,
  leastScales?: Float32Array,
): WeightCodes {
  const channels = channelsOf(weights, axis)
  return onGrid(weights, axis, bits, channels) ?? rounded(weights, axis, bits, channels, leastScales)
}

function coded(weights: GraphConstant, axis: number, code: (value: number, channel: number) => number): Int32Array {
  const [count, inner] = [weights.dims[axis] as number, productOf(weights.dims.slice(axis + 1))]
  return Int32Array.from(weights.values, (value, i) => code(value, Math.floor(i / inner) % count))
}

function onGrid(weights: GraphConstant, axis: number, bits: number, channels: readonly Float32Array[]) {
  const steps = channels.map((values) =>
    values.every((value) => value === 0) ? { step: 1e-12, half: false } : stepOf(values, bits),
  )
  if (steps.includes(undefined)) return undefined
  const found = steps as { step: number; half: boolean }[]
  const half = found.some((each) => each.half)
  if (!half) {
    const scales = Float32Array.from(found, ({ step }) => step)
    const codes = coded(weights, axis, (value, channel) => Math.round(value / (scales[channel] as number)))
    const type = narrow(codes)
    return type && ({ codes, scales, type, shift: 0, levels: 2 ** bits, exact: true } satisfies WeightCodes)
  }
  const kept = { shift: 0, levels: 2 ** bits, exact: true } as const
  // Odd multiples of half a step; where they need more bits than the grid does, shifted whole ones.
  const halves = Float32Array.from(found, (each) => (each.half ? each.step / 2 : each.step))
  const doubled = coded(weights, axis, (value, channel) => Math.round(value / (halves[channel] as number)))
  const type = narrow(doubled)
  const fits = type === 'int4' || (type === 'int8' && bits !== 4)
  if (fits || found.some((each) => !each.half))
    return type && ({ codes: doubled, scales: halves, type, ...kept } satisfies WeightCodes)
  const scales = Float32Array.from(found, ({ step }) => step)
  const codes = coded(weights, axis, (value, channel) => Math.round(value / (scales[channel] as number) - 0.5))
  return { codes, scales, ...kept, type: bits === 4 ? 'int4' : 'int8', shift: 0.5 } satisfies WeightCodes
}

function rounded(
  weights: GraphConstant,
  axis: number,
  bits: number,
  channels: readonly Float32Array[],
  leastScales?: Float32Array,
): WeightCodes {
  const top = Math.max(1, 2 ** (bits - 1) - 1)
  const scales = Float32Array.from(channels, (values, channel) => {
    const greatest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
    let [best, least] = [greatest / top, Number.POSITIVE_INFINITY]
    for (const share of bits >= 8 ? shares.slice(0, 1) : shares) {
      const scale = (greatest * share) / top
      let sum = 0
      for (const value of values) sum += (value - Math.min(top, Math.max(-top, Math.round(value / scale))) * scale) ** 2
      if (sum < least) [best, least] = [scale, sum]
    }
    return Math.max(best, leastScales?.[channel] ?? 0, 1e-12)
  })
  const codes = coded(weights, axis, (value, channel) =>
    Math.min(top, Math.max(-top, Math.round(value / (scales[channel] as number)))),
  )
  return { codes, scales, type: bits <= 4 ? 'int4' : 'int8', shift: 0, levels: 2 * top + 1, exact: false }
}
