/** A plain JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * What a controller sees of an architecture: one number a decision, in the order of `space.decisions`.
 * Choices are option indices, reals are the value itself, inactive decisions are 0.
 */
export type Genotype = readonly number[]

/** A choice among listed options. */
export interface ChoiceDecision {
  readonly kind: 'choice'
  /** Path in the architecture: `normal.2.left.op`. */
  readonly name: string
  readonly options: readonly Json[]
  /** Options are numbers in ascending order, so that near indices mean near values. */
  readonly ordered: boolean
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

/** Position of a real value in [0, 1] on its decision's scale. */
export const toUnit = (d: RealDecision, value: number): number =>
  d.scale === 'log' ? Math.log(value / d.min) / Math.log(d.max / d.min) : (value - d.min) / (d.max - d.min)

/** The value at position u in [0, 1] of a real decision's scale. */
export const fromUnit = (d: RealDecision, u: number): number => {
  const value = d.scale === 'log' ? d.min * (d.max / d.min) ** u : d.min + u * (d.max - d.min)
  return Math.min(d.max, Math.max(d.min, value))
}
