import type { Random } from '../random.ts'

/** A plain JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * What a controller sees of an architecture: one number per decision, in the order of `space.decisions`. A choice is
 * the index of its option, a real decision its value, and an inactive decision 0.
 */
export type Genotype = readonly number[]

/** A choice among listed options. */
export interface ChoiceDecision {
  readonly kind: 'choice'
  /** Path in the architecture: `normal.2.left.op`. */
  readonly name: string
  readonly options: readonly Json[]
  /** Options are in ascending order, so that near indices mean near values. */
  readonly ordered: boolean
  /**
   * 'log': the options are positive numbers in ascending order, and are drawn so that their logarithm is uniform.
   * Default: linear.
   */
  readonly scale?: 'log'
}

/** A real number in [min, max]. */
export interface RealDecision {
  readonly kind: 'real'
  readonly name: string
  readonly min: number
  readonly max: number
  readonly scale: 'linear' | 'log'
}

export type Decision = ChoiceDecision | RealDecision

const edges = new WeakMap<ChoiceDecision, Float64Array>()

/**
 * Where the cells of a choice on a log scale begin and end in [0, 1]. Value k covers [k, k + step), so that every
 * octave is equally likely. The array has one element more than there are options.
 */
function logEdges(d: ChoiceDecision): Float64Array {
  let found = edges.get(d)
  if (!found) {
    const values = d.options as readonly number[]
    const last = values.length - 1
    const end = last === 0 ? values[0]! * 2 : values[last]! + (values[last]! - values[last - 1]!)
    const span = Math.log(end / values[0]!)
    found = Float64Array.from({ length: values.length + 1 }, (_, i) =>
      i > last ? 1 : Math.log(values[i]! / values[0]!) / span,
    )
    edges.set(d, found)
  }
  return found
}

/** Width in [0, 1] of an option's cell: its probability when the decision is drawn without constraints. */
export const shareOf = (d: ChoiceDecision, option: number): number => {
  if (d.scale !== 'log') return 1 / d.options.length
  const cells = logEdges(d)
  return cells[option + 1]! - cells[option]!
}

const isRatio = (d: RealDecision) => Number.isFinite(d.max / d.min)
const spanOf = (d: RealDecision) => Math.log(d.max) - Math.log(d.min)

/**
 * Position of a decision's value (an option index, or a real value) in [0, 1] on the decision's own scale; the middle of
 * its cell where the decision is a choice. Inverse of `fromUnit`.
 */
export const toUnit = (d: Decision, value: number): number => {
  if (d.kind === 'real') {
    if (d.scale !== 'log') return (value - d.min) / (d.max - d.min)
    // The ratio of 1e300 to 1e-300 overflows; the difference of their logarithms does not.
    return isRatio(d)
      ? Math.log(value / d.min) / Math.log(d.max / d.min)
      : (Math.log(value) - Math.log(d.min)) / spanOf(d)
  }
  if (d.scale !== 'log') return (value + 0.5) / d.options.length
  const cells = logEdges(d)
  return (cells[value]! + cells[value + 1]!) / 2
}

/**
 * The value at position u in [0, 1] of a decision's scale: a real value, or the index of the option whose cell holds u.
 * Positions outside [0, 1] are taken as the nearest end. A uniform u gives a uniform draw on the decision's scale.
 */
export const fromUnit = (d: Decision, u: number): number => {
  const at = Math.min(1, Math.max(0, u))
  if (d.kind === 'real') {
    const power = (): number =>
      isRatio(d) ? d.min * (d.max / d.min) ** at : Math.exp(Math.log(d.min) + at * spanOf(d))
    const value = d.scale === 'log' ? power() : d.min + at * (d.max - d.min)
    return Math.min(d.max, Math.max(d.min, value))
  }
  const last = d.options.length - 1
  if (d.scale !== 'log') return Math.min(last, Math.floor(at * d.options.length))
  const cells = logEdges(d)
  let [low, high] = [0, last]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (cells[middle]! <= at) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * One value of a decision, uniform on its own scale among the allowed options (`space.allowed(prefix)`, or a narrower
 * list); null stands for a real decision.
 */
export function drawValue(d: Decision, allowed: readonly number[] | null, rng: Random): number {
  if (allowed === null) return fromUnit(d, rng.float())
  if (allowed.length === 1) return allowed[0]!
  if (d.kind === 'choice' && d.scale === 'log')
    return allowed[rng.weighted(allowed.map((option) => shareOf(d, option)))]!
  return rng.pick(allowed)
}
