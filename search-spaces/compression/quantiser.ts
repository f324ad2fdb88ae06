import { type Ladder, ratiosOf, stepsOf } from './ladder.ts'

/** Ties go up: the only common rule that commutes with adding whole numbers, which nested codes need. */
export const roundHalfUp = (x: number): number => Math.floor(x + 0.5)

/** Code of z in [0, 1] on the grid of `bits` bits: round((2ᵏ − 1)·z), 0 … 2ᵏ − 1 (eq. 3–4). */
export const codeOf = (z: number, bits: number): number => roundHalfUp(stepsOf(bits) * z)

/**
 * The recursive decomposition (eq. 8–12) on integer codes: the code at the fewest bits, then one re-assignment offset a
 * width, each in steps of its own grid. For 2, 4, 8 bits: n₂ = round(3z), e₄ = round(15z − 5n₂),
 * e₈ = round(255z − 17(5n₂ + e₄)).
 */
export function decompose(z: number, ladder: Ladder): number[] {
  const ratios = ratiosOf(ladder)
  let code = 0
  return ladder.map((bits, j) => {
    const carried = (ratios[j] as number) * code
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
    code = (ratios[j] as number) * code + offset
    return code
  })
}

/**
 * How values go to [0, 1] and back: z = clip(scale·x + shift, 0, 1), Q(x) = range·ẑ + low. `range` and `low` are
 * proportional to the clip value.
 */
export interface Grid {
  readonly scale: number
  readonly shift: number
  readonly range: number
  readonly low: number
  /** Where x = 0 lies in [0, 1]: 0 without a sign, 0.5 with one. */
  readonly centre: number
  /** The clip value v > 0. */
  readonly clip: number
}

/** z = clip(x / v, 0, 1), Q = v·ẑ (eq. 1, 5): values that are never negative. */
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

/** Values are worked on in pieces that stay in the first cache. */
const PIECE = 2048
const normalised = new Float64Array(PIECE)

/** z of values[from … from + n). */
function normalise(values: Values, from: number, n: number, { scale, shift }: Grid): void {
  for (let i = 0; i < n; i++) {
    const u = scale * (values[from + i] as number) + shift
    normalised[i] = Math.min(Math.max(u, 0), 1)
  }
}

/** A_j = mean |z − z_j| at every width but the last (eq. 13): what gates compare with thresholds. */
export function meanResiduals(values: Values, grid: Grid, ladder: Ladder): number[] {
  const sums = ladder.slice(0, -1).map(() => 0)
  for (let from = 0; from < values.length; from += PIECE) {
    const n = Math.min(PIECE, values.length - from)
    normalise(values, from, n, grid)
    for (let j = 0; j < sums.length; j++) sums[j] = (sums[j] as number) + residualSum(n, stepsOf(ladder[j] as number))
  }
  return sums.map((sum) => sum / values.length)
}

function residualSum(n: number, steps: number): number {
  const step = 1 / steps
  let sum = 0
  for (let i = 0; i < n; i++) {
    const z = normalised[i] as number
    sum += Math.abs(z - Math.floor(steps * z + 0.5) * step)
  }
  return sum
}

/** Q of every value at one width. */
export function quantise(values: Values, grid: Grid, bits: number): Values {
  const { scale, shift, low } = grid
  const steps = stepsOf(bits)
  const step = grid.range / steps
  const out = new Float32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const u = scale * (values[i] as number) + shift
    const z = Math.min(Math.max(u, 0), 1)
    out[i] = Math.floor(steps * z + 0.5) * step + low
  }
  return out
}

/** Codes of every value at one width, for exporters: Q = range·code / (2ᵏ − 1) + low. */
export function codes(values: Values, { scale, shift }: Grid, bits: number): Int32Array {
  return Int32Array.from(values, (x) => codeOf(Math.min(Math.max(scale * x + shift, 0), 1), bits))
}

export interface QuantiserGradient {
  /** dL/dx: dy times range·scale inside the clip, 0 outside. */
  readonly dx: Values
  /** dL/dv. */
  readonly clip: number
  /** Σ dL/dẑ·z_j at every width asked for: what gradients of gates are made of. */
  readonly products: readonly number[]
}

/**
 * Backward pass of `quantise` under the straight-through estimator: rounding is the identity, the clip's slope is 1
 * inside. dQ/dv = Q/v − (inside: range·(z − centre)/v). Without a sign 0 counts as inside, so that channels that a gate
 * shut can learn to open again.
 */
export function quantiseGradient(
  dy: Values,
  values: Values,
  grid: Grid,
  bits: number,
  widths: readonly number[] = [],
): QuantiserGradient {
  const { scale, shift, range, low, centre, clip } = grid
  const slope = range * scale
  const steps = stepsOf(bits)
  const step = range / steps
  const least = centre === 0 ? 0 : Number.MIN_VALUE
  const dx = new Float32Array(values.length)
  const products = widths.map(() => 0)
  let sum = 0
  for (let from = 0; from < values.length; from += PIECE) {
    const n = Math.min(PIECE, values.length - from)
    for (let i = 0; i < n; i++) {
      const g = dy[from + i] as number
      const u = scale * (values[from + i] as number) + shift
      const z = Math.min(Math.max(u, 0), 1)
      const inside = u >= least && u < 1 ? 1 : 0
      dx[from + i] = g * slope * inside
      sum += g * (Math.floor(steps * z + 0.5) * step + low - inside * range * (z - centre))
      normalised[i] = z
    }
    for (let j = 0; j < widths.length; j++)
      products[j] = (products[j] as number) + product(dy, from, n, stepsOf(widths[j] as number))
  }
  return { dx, clip: sum / clip, products: products.map((each) => each * range) }
}

function product(dy: Values, from: number, n: number, steps: number): number {
  const step = 1 / steps
  let sum = 0
  for (let i = 0; i < n; i++)
    sum += (dy[from + i] as number) * Math.floor(steps * (normalised[i] as number) + 0.5) * step
  return sum
}
