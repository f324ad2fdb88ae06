/** The grids of quantised values: scales, zero points, and integers for weights that already lie on a grid. */
import { type ElementType, type GraphConstant, productOf } from './graph.ts'

/**
 * Shares of the largest value that are kept as the range, tried in this order when the mean squared error is minimised.
 */
const shares = Array.from({ length: 31 }, (_, i) => 1 - i * 0.025)

/**
 * The least scale. The product of two is still a normal number: runtimes treat denormal ones as 0, and divide by the
 * factors that they multiply with.
 */
export const LEAST_SCALE = 2 ** -60

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
  // Values that are all 0 do not determine a range; any scale represents them.
  const scale = Math.fround(Math.max((to === from ? 1 : to - from) / (levels - 1), LEAST_SCALE))
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

/** Integers and one scale per channel: the weights are (codes + shift)·scale. */
export interface WeightCodes {
  readonly codes: Int32Array
  readonly scales: Float32Array
  readonly type: ElementType
  /**
   * Per channel, one half where the grid lies around zero without it and codes would not fit otherwise; 0 in channels
   * that are zero throughout. Absent: 0 for all.
   */
  readonly shift?: Float32Array
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
  const levels = distinct.filter((value, i) => i === 0 || value - distinct[i - 1]! > tolerance)
  if (levels.length > 2 ** bits || greatest === 0) return undefined
  const least = levels.reduce((min, value, i) => (i === 0 ? min : Math.min(min, value - levels[i - 1]!)), Number.POSITIVE_INFINITY) // biome-ignore format: one line
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
    // The outermost value determines the step more exactly than two neighbours do.
    const offset = half ? 0.5 : 0
    if (half || on(0)) return { step: greatest / (Math.round(greatest / step - offset) + offset), half }
  }
  return undefined
}

/** The narrowest type that holds the codes; 4-bit integers only where 4 bits or fewer were asked for. */
const narrow = (codes: Int32Array, bits: number): ElementType | undefined => {
  let [low, high] = [0, 0]
  for (const code of codes) {
    low = Math.min(low, code)
    high = Math.max(high, code)
  }
  return bits <= 4 && low >= -8 && high <= 7 ? 'int4' : low >= -128 && high <= 127 ? 'int8' : undefined
}

/**
 * Weights as integers of `bits` bits, one scale per channel of `axis`. Weights that a search has put on a grid of that
 * many levels keep it exactly; others are rounded to 2ᵇ − 1 levels around zero, of the range of least squared error.
 * @param leastScales below which a channel's bias, counted in its scale, does not fit its integers. Channels that are
 *   zero throughout take a scale in which their bias has 23 bits; 1 where that is not given.
 */
export function weightCodes(
  weights: GraphConstant,
  axis: number,
  bits: number,
  leastScales?: Float32Array,
): WeightCodes {
  const channels = channelsOf(weights, axis)
  const free = channels.map((values, channel) => {
    const least = leastScales?.[channel] ?? 0
    if (values.some((value) => value !== 0)) return undefined
    return least > 0 ? Math.max(least * 2 ** 7, LEAST_SCALE) : 1
  })
  return onGrid(weights, axis, bits, channels, free) ?? rounded(weights, axis, bits, channels, free, leastScales)
}

function coded(weights: GraphConstant, axis: number, code: (value: number, channel: number) => number): Int32Array {
  const [count, inner] = [weights.dims[axis] as number, productOf(weights.dims.slice(axis + 1))]
  return Int32Array.from(weights.values, (value, i) => code(value, Math.floor(i / inner) % count))
}

/** @param free the scale of channels that are zero throughout. */
function onGrid(
  weights: GraphConstant,
  axis: number,
  bits: number,
  channels: readonly Float32Array[],
  free: readonly (number | undefined)[],
): WeightCodes | undefined {
  const steps = channels.map((values, channel) => (free[channel] === undefined ? stepOf(values, bits) : 'free'))
  if (steps.some((each) => each === undefined || (each !== 'free' && each.step < 2 * LEAST_SCALE))) return undefined
  const found = steps as ('free' | { step: number; half: boolean })[]
  const scalesOf = (scale: (step: number, half: boolean) => number) =>
    Float32Array.from(found, (each, c) => (each === 'free' ? free[c]! : scale(each.step, each.half)))
  const live = found.filter((each) => each !== 'free')
  const kept = { levels: 2 ** bits, exact: true } as const
  // Odd multiples of half a step; where they need more bits than the grid does, shifted whole ones.
  const scales = scalesOf((step, half) => (half ? step / 2 : step))
  const codes = coded(weights, axis, (value, channel) => Math.round(value / scales[channel]!))
  const type = narrow(codes, bits)
  const fits = type === 'int4' || (type === 'int8' && (bits !== 4 || live.every(({ half }) => !half)))
  if (fits || live.some(({ half }) => !half)) return type && { codes, scales, type, ...kept }
  const shift = Float32Array.from(found, (each) => (each === 'free' ? 0 : 0.5))
  const whole = scalesOf((step) => step)
  const shifted = coded(weights, axis, (value, channel) => Math.round(value / whole[channel]! - shift[channel]!))
  return { codes: shifted, scales: whole, ...kept, type: bits === 4 ? 'int4' : 'int8', shift }
}

function rounded(
  weights: GraphConstant,
  axis: number,
  bits: number,
  channels: readonly Float32Array[],
  free: readonly (number | undefined)[],
  leastScales?: Float32Array,
): WeightCodes {
  const top = Math.max(1, 2 ** (bits - 1) - 1)
  const scales = Float32Array.from(channels, (values, channel) => {
    const fixed = free[channel]
    if (fixed !== undefined) return fixed
    const greatest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
    let [best, least] = [greatest / top, Number.POSITIVE_INFINITY]
    for (const share of bits >= 8 ? shares.slice(0, 1) : shares) {
      const scale = (greatest * share) / top
      let sum = 0
      for (const value of values) sum += (value - Math.min(top, Math.max(-top, Math.round(value / scale))) * scale) ** 2
      if (sum < least) [best, least] = [scale, sum]
    }
    return Math.max(best, leastScales?.[channel] ?? 0, LEAST_SCALE)
  })
  const codes = coded(weights, axis, (value, channel) =>
    Math.min(top, Math.max(-top, Math.round(value / scales[channel]!))),
  )
  return { codes, scales, type: bits <= 4 ? 'int4' : 'int8', levels: 2 * top + 1, exact: false }
}
