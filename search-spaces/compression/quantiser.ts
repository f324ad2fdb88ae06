import { copiedArrays, type LoopArrays, runLoop } from './double-loops.ts'
import { type Ladder, ratiosOf, stepsOf } from './ladder.ts'

/** Rounds ties up: the only common rule that commutes with adding whole numbers, as nested codes require. */
export const roundHalfUp = (x: number): number => Math.floor(x + 0.5)

/** Code of z in [0, 1] on the grid of `bits` bits: round((2ᵏ − 1)·z), 0 … 2ᵏ − 1 (eq. 3–4). */
export const codeOf = (z: number, bits: number): number => roundHalfUp(stepsOf(bits) * z)

/**
 * The recursive decomposition (eq. 8–12) on integer codes: the code at the fewest bits, then one re-assignment offset
 * per width, each in steps of its own grid. For 2, 4, 8 bits: n₂ = round(3z), e₄ = round(15z − 5n₂), e₈ = round(255z −
 * 17(5n₂ + e₄)).
 */
export function decompose(z: number, ladder: Ladder): number[] {
  const ratios = ratiosOf(ladder)
  let code = 0
  return ladder.map((bits, j) => {
    const carried = ratios[j]! * code
    const offset = roundHalfUp(stepsOf(bits) * z - carried)
    code = carried + offset
    return offset
  })
}

/** Codes on every grid of a decomposition: n₂, 5n₂ + e₄, 17(5n₂ + e₄) + e₈. */
export function recompose(offsets: readonly number[], ladder: Ladder): number[] {
  const ratios = ratiosOf(ladder)
  let code = 0
  return offsets.map((offset, j) => {
    code = ratios[j]! * code + offset
    return code
  })
}

/**
 * How values are mapped to [0, 1] and back: z = clip(scale·x + shift, 0, 1), Q(x) = range·ẑ + low. `range` and `low`
 * are proportional to the clip value.
 */
export interface Grid {
  readonly scale: number
  readonly shift: number
  readonly range: number
  readonly low: number
  /** The position of x = 0 in [0, 1]: 0 for an unsigned grid, 0.5 for a signed one. */
  readonly centre: number
  /** The clip value v > 0. */
  readonly clip: number
}

/** z = clip(x / v, 0, 1), Q = v·ẑ (eq. 1, 5), for values that are never negative. */
export const unsignedGrid = (clip: number): Grid => ({
  scale: 1 / clip,
  shift: 0,
  range: clip,
  low: 0,
  centre: 0,
  clip,
})

/** w̃ = (w − mean) / deviation, z = (clip(w̃ / v, −1, 1) + 1) / 2, Q = unit·v·(2ẑ − 1) (eq. 2, 6). */
export function signedGrid(clip: number, mean = 0, deviation = 1, unit = 1): Grid {
  const scale = 1 / (2 * clip * deviation)
  return { scale, shift: 0.5 - mean * scale, range: 2 * clip * unit, low: -clip * unit, centre: 0.5, clip }
}

type Values = Float32Array

/** z of one value, before the clip. */
const unclipped = (x: number, { scale, shift }: Grid) => scale * x + shift
const clipped = (u: number) => Math.min(Math.max(u, 0), 1)

export interface Observed {
  /** A_j = mean |z − z_j| at every width but the last (eq. 13): the values that gates compare with thresholds. */
  readonly means: readonly number[]
  /** The width that `choose` selected. The output holds every value quantised at this width. */
  readonly bits: number
}

/** Computes mean residuals and quantised values. It takes one pass if the chosen width is `likely`, otherwise two. */
export function observe(
  arrays: LoopArrays,
  grid: Grid,
  ladder: Ladder,
  likely: number,
  choose: (means: readonly number[]) => number,
): Observed {
  const [x, y] = [arrays.inputs[0] as Values, arrays.output]
  const { length } = x
  const grids = ladder.slice(0, -1).map(stepsOf)
  const sums = runLoop('observe', arrays, quantiseNumbers(grid, likely), grids)
  const z = clipped(unclipped(x.at(-1) ?? 0, grid))
  const last = (steps: number) => (length % 2 === 1 ? Math.abs(z - roundHalfUp(steps * z) / steps) : 0)
  const means = grids.map((steps, j) => (sums[j]! / steps + last(steps)) / length)
  const bits = choose(means)
  if (bits !== likely) runLoop('quantise', arrays, quantiseNumbers(grid, bits))
  if (length % 2 === 1) y[length - 1] = quantiseOne(x[length - 1] as number, grid, bits)
  return { means, bits }
}

const quantiseNumbers = ({ scale, shift, range, low }: Grid, bits: number) => {
  const steps = stepsOf(bits)
  return [scale, shift, steps, range / steps, low]
}

const quantiseOne = (x: number, grid: Grid, bits: number) => {
  const steps = stepsOf(bits)
  return roundHalfUp(steps * clipped(unclipped(x, grid))) * (grid.range / steps) + grid.low
}

/** Computes only the mean residuals. */
export const meanResiduals = (values: Values, grid: Grid, ladder: Ladder): readonly number[] =>
  observe(copiedArrays([values]), grid, ladder, ladder[0] as number, () => ladder[0] as number).means

/** Writes Q of every value at one width to the output. */
export function quantiseInto(arrays: LoopArrays, grid: Grid, bits: number): void {
  const [x, y] = [arrays.inputs[0] as Values, arrays.output]
  runLoop('quantise', arrays, quantiseNumbers(grid, bits))
  if (x.length % 2 === 1) y[x.length - 1] = quantiseOne(x.at(-1) as number, grid, bits)
}

/** Q of every value at one width. */
export function quantise(values: Values, grid: Grid, bits: number): Values {
  const arrays = copiedArrays([values])
  quantiseInto(arrays, grid, bits)
  return arrays.output.slice()
}

/** Codes of every value at one width, for exporters: Q = range·code / (2ᵏ − 1) + low. */
export function codes(values: Values, grid: Grid, bits: number): Int32Array {
  return Int32Array.from(values, (x) => codeOf(clipped(unclipped(x, grid)), bits))
}

export interface ClipGradient {
  /** dL/dv. */
  readonly clip: number
  /** Σ dL/dẑ·z_j at every given width, from which gradients of gates are computed. */
  readonly products: readonly number[]
}

export interface QuantiserGradient extends ClipGradient {
  /** dL/dx: dy times range·scale inside the clip, 0 outside. */
  readonly dx: Values
}

/**
 * Backward pass of `quantise` under the straight-through estimator: rounding is the identity, the clip's slope is 1
 * inside. dQ/dv = Q/v − (inside: range·(z − centre)/v). On an unsigned grid 0 counts as inside, so that channels
 * closed by a gate can learn to open again. Reads dL/dy and the values, writes dL/dx.
 */
export function gradientInto(
  arrays: LoopArrays,
  grid: Grid,
  bits: number,
  widths: readonly number[] = [],
): ClipGradient {
  const { scale, shift, range, low, centre, clip } = grid
  const [dy, values] = arrays.inputs as [Values, Values]
  const slope = range * scale
  const steps = stepsOf(bits)
  const least = centre === 0 ? 0 : Number.MIN_VALUE
  const numbers = [scale, shift, steps, range / steps, low, slope, range, centre, least]
  // Either the width of Q is among them, or all of Q is in the first sum.
  const own = widths.indexOf(bits)
  const all = widths.length > 0 && own === -1 ? [...widths, bits] : widths
  const grids = all.map(stepsOf)
  const [total = 0, ...sums] = runLoop('gradient', arrays, numbers, grids)
  const products = sums.map((sum, j) => sum / grids[j]!)
  const result = (sum: number, ofWidths: readonly number[]) => {
    const scaled = ofWidths.map((product) => product * range)
    const ofCodes = scaled.at(own) ?? 0
    return { clip: (sum + ofCodes) / clip, products: scaled.slice(0, widths.length) }
  }
  if (values.length % 2 === 0) return result(total, products)
  const [lastDy, u] = [dy.at(-1) as number, unclipped(values.at(-1) as number, grid)]
  const z = clipped(u)
  const inside = u >= least && u < 1 ? 1 : 0
  arrays.output[values.length - 1] = lastDy * slope * inside
  const straight = inside * range * (z - centre)
  return result(
    total + lastDy * ((all.length > 0 ? 0 : roundHalfUp(steps * z) * (range / steps)) + low - straight),
    products.map((product, j) => product + (lastDy * roundHalfUp(grids[j]! * z)) / grids[j]!),
  )
}

/** `gradientInto` for plain arrays: dL/dx as a copy. */
export function quantiseGradient(
  dy: Values,
  values: Values,
  grid: Grid,
  bits: number,
  widths: readonly number[] = [],
): QuantiserGradient {
  const arrays = copiedArrays([dy, values])
  const found = gradientInto(arrays, grid, bits, widths)
  return { ...found, dx: arrays.output.slice() }
}
