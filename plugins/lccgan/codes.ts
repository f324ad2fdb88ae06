import { error } from './errors.ts'
import { combination, dot, type Rows, solvePositive, squaredDistance } from './rows.ts'

/**
 * The constraint on codes. 'none': nothing, as sampled by the released program; 'sum': Σγ = 1, the definition of local
 * coordinate coding; 'convex': Σγ = 1 and γ ≥ 0.
 */
export type CodeNormalisation = 'none' | 'sum' | 'convex'
export const codeNormalisations: readonly CodeNormalisation[] = ['none', 'sum', 'convex']

/**
 * Indices of the `count` bases nearest to a point, nearest first; among equals, the lower index.
 * Error: ARCHLOOM_LCCGAN_TOO_FEW_BASES.
 */
export function nearestBases(point: Float64Array, bases: Rows, count: number): readonly number[] {
  if (!(count <= bases.length)) throw error('ARCHLOOM_LCCGAN_TOO_FEW_BASES', { bases: bases.length, neighbours: count })
  const distances = bases.map((base) => squaredDistance(base, point))
  const order = distances.map((_, i) => i).sort((a, b) => distances[a]! - distances[b]! || a - b)
  return order.slice(0, count)
}

/**
 * The sum-to-one code of a point on given bases, in closed form: with Z the rows v − h and C = ZZᵀ + ε·tr(ZZᵀ)·I,
 * γ = C⁻¹1 / (1ᵀC⁻¹1). Barycentric coordinates as ε → 0; identical bases share their weight evenly.
 */
export function affineCode(point: Float64Array, bases: Rows, ridge = 1e-9): Float64Array {
  const n = bases.length
  const offsets = bases.map((base) => base.map((value, k) => value - point[k]!))
  const gram = new Float64Array(n * n)
  let trace = 0
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) gram[i * n + j] = dot(offsets[i] as Float64Array, offsets[j] as Float64Array)
    trace += gram[i * n + i] as number
  }
  // All bases in the point itself: any code is exact, the even one is the limit.
  if (trace === 0) return new Float64Array(n).fill(1 / n)
  for (let i = 0; i < n; i++) gram[i * n + i] = gram[i * n + i]! + ridge * trace
  const weights = solvePositive(gram, new Float64Array(n).fill(1), n)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

export interface LocalityOptions {
  /** μ, weight of Σ|γ|·‖v − h‖^q beside ½‖h − r‖². */
  readonly locality: number
  /** q: 2 for LCCGAN, 3 for LCCGAN++. */
  readonly exponent: 2 | 3
}

/** w_m = ‖v_m − h‖^q. */
export const localityWeights = (point: Float64Array, bases: Rows, exponent: number) =>
  Float64Array.from(bases, (base) => squaredDistance(base, point) ** (exponent / 2))

/** The gradient of ½‖h − r‖² by the code, (r(h) − h)·v_m, with the matrix that updates it. */
function quadratic(point: Float64Array, bases: Rows, code: Float64Array) {
  const n = bases.length
  const gram = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++)
      gram[i * n + j] = gram[j * n + i] = dot(bases[i] as Float64Array, bases[j] as Float64Array)
  const residual = combination(code, bases).map((value, k) => value - point[k]!)
  return { gram, slope: Float64Array.from(bases, (base) => dot(base, residual)) }
}

const tolerance = 1e-12

/** min_γ ½‖h − Σγv‖² + μΣ|γ_m|w_m without constraint: a weighted lasso, by coordinate descent to its optimum. */
export function sparseCode(
  point: Float64Array,
  bases: Rows,
  { locality, exponent }: LocalityOptions,
  sweeps = 2000,
): Float64Array {
  const n = bases.length
  const code = new Float64Array(n)
  const threshold = localityWeights(point, bases, exponent).map((weight) => locality * weight)
  const { gram, slope } = quadratic(point, bases, code)
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let moved = 0
    for (let m = 0; m < n; m++) {
      const curvature = gram[m * n + m] as number
      if (curvature === 0) continue
      const free = curvature * code[m]! - slope[m]!
      const next = (Math.sign(free) * Math.max(0, Math.abs(free) - threshold[m]!)) / curvature
      const change = next - code[m]!
      if (change === 0) continue
      code[m] = next
      for (let j = 0; j < n; j++) slope[j] = slope[j]! + change * gram[j * n + m]!
      moved = Math.max(moved, change * change * curvature)
    }
    if (moved < tolerance ** 2) break
  }
  return code
}

/**
 * min_γ ½‖h − Σγv‖² + μΣγ_m w_m on the simplex, by descent along the steepest pair (weight moves from one base to
 * another, so that the sum stays 1 throughout) to its optimum.
 */
export function convexCode(
  point: Float64Array,
  bases: Rows,
  { locality, exponent }: LocalityOptions,
  moves = 20_000,
): Float64Array {
  const n = bases.length
  const weights = localityWeights(point, bases, exponent)
  const code = new Float64Array(n)
  code[weights.indexOf(Math.min(...weights))] = 1
  const { gram, slope } = quadratic(point, bases, code)
  for (let m = 0; m < n; m++) slope[m] = slope[m]! + locality * weights[m]!
  const scale = Math.max(...gram, 1e-300)
  for (let move = 0; move < moves; move++) {
    let [to, from] = [0, -1]
    for (let m = 0; m < n; m++) {
      if (slope[m]! < slope[to]!) to = m
      if (code[m]! > 0 && (from < 0 || slope[m]! > slope[from]!)) from = m
    }
    const gain = slope[from]! - slope[to]!
    if (from === to || gain <= tolerance * scale) break
    const curvature = gram[to * n + to]! + gram[from * n + from]! - 2 * gram[to * n + from]!
    const available = code[from] as number
    const amount = curvature > 0 ? Math.min(available, gain / curvature) : available
    code[to] = code[to]! + amount
    code[from] = amount === available ? 0 : available - amount
    for (let j = 0; j < n; j++) slope[j] = slope[j]! + amount * (gram[j * n + to]! - gram[j * n + from]!)
  }
  const sum = code.reduce((total, weight) => total + weight, 0)
  return code.map((weight) => weight / sum)
}

export interface CodeOptions extends LocalityOptions {
  readonly normalise: CodeNormalisation
  /** d: codes are zero but on so many nearest bases. */
  readonly neighbours: number
  /** ε of the closed form. */
  readonly ridge: number
}

/** The code step: γ(h) on all bases, for one point. 'sum' is the closed form, which leaves locality to the choice of neighbours. */
export function codeOf(point: Float64Array, bases: Rows, options: CodeOptions): Float64Array {
  const near = nearestBases(point, bases, options.neighbours)
  const own = near.map((index) => bases[index] as Float64Array)
  const local =
    options.normalise === 'sum'
      ? affineCode(point, own, options.ridge)
      : (options.normalise === 'convex' ? convexCode : sparseCode)(point, own, options)
  const code = new Float64Array(bases.length)
  for (const [j, index] of near.entries()) code[index] = local[j] as number
  return code
}
