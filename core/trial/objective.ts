import { nearest } from '../options/index.ts'
import { error } from './errors.ts'

export type Direction = 'maximise' | 'minimise'

export interface ObjectiveOptions {
  readonly direction: Direction
  /**
   * Trials above (or below) this value are infeasible: they are kept, but are never the best and never on the front.
   */
  readonly atMost?: number
  readonly atLeast?: number
  /** Weight in the scalar reward. Default: 1 for the first objective, 0 for the others. */
  readonly weight?: number
  /** Divides the value in the reward, to make units comparable. Default: 1. */
  readonly scale?: number
  /** The search stops when a feasible trial reaches this value. */
  readonly target?: number
}

/** `{ accuracy: 'maximise', multiplyAdds: { direction: 'minimise', atMost: 60e6 } }` */
export type Objectives = Readonly<Record<string, Direction | ObjectiveOptions>>

/** An objective with its metric's name and every default filled in; plain JSON. */
export interface ResolvedObjective {
  readonly metric: string
  readonly direction: Direction
  readonly weight: number
  readonly scale: number
  readonly atMost?: number
  readonly atLeast?: number
  readonly target?: number
}

const numbers = ['atMost', 'atLeast', 'weight', 'scale', 'target']
const known = Object.fromEntries(['direction', ...numbers].map((name) => [name, true as const]))

export function resolveObjectives(objectives: Objectives): readonly ResolvedObjective[] {
  const entries = Object.entries(objectives)
  if (entries.length === 0)
    throw error('ARCHLOOM_OBJECTIVE_INVALID', {
      name: '',
      received: objectives,
      expected: "at least one, such as { accuracy: 'maximise' }",
    })
  return entries.map(([metric, given], index) => {
    if (metric in {})
      throw error('ARCHLOOM_OBJECTIVE_INVALID', {
        name: metric,
        received: given,
        expected: 'another name, because every JavaScript object has a property of this name',
      })
    const all: ObjectiveOptions = typeof given === 'string' ? { direction: given } : given
    const options = Object.fromEntries(
      Object.entries(all ?? {}).filter(([, value]) => value !== undefined),
    ) as unknown as ObjectiveOptions
    if (options?.direction !== 'maximise' && options?.direction !== 'minimise')
      throw error('ARCHLOOM_OBJECTIVE_INVALID', {
        name: metric,
        received: given,
        expected: "'maximise' or 'minimise' (or an object with that direction)",
      })
    for (const [key, value] of Object.entries(options)) {
      if (key === 'direction' || (numbers.includes(key) && Number.isFinite(value))) continue
      const expected = numbers.includes(key) ? 'a finite number' : `one of direction, ${numbers.join(', ')}`
      const suggestion = numbers.includes(key) ? undefined : nearest(key, known)
      throw error('ARCHLOOM_OBJECTIVE_INVALID', { name: `${metric}.${key}`, received: value, expected, suggestion })
    }
    checkBounds(metric, options)
    return { metric, weight: index === 0 ? 1 : 0, scale: 1, ...options }
  })
}

/** Refuses bounds that no number keeps, and a target that only a result outside of the bounds reaches. */
function checkBounds(metric: string, { direction, atLeast, atMost, target }: ObjectiveOptions): void {
  if (atLeast !== undefined && atMost !== undefined && atLeast > atMost)
    throw error('ARCHLOOM_OBJECTIVE_INVALID', {
      name: metric,
      received: { atLeast, atMost },
      expected: 'atLeast to be at most atMost, because no result keeps both bounds otherwise',
    })
  const [bound, name] = direction === 'maximise' ? [atMost, 'atMost'] : [atLeast, 'atLeast']
  if (target === undefined || bound === undefined) return
  if (direction === 'maximise' ? target > bound : target < bound)
    throw error('ARCHLOOM_OBJECTIVE_INVALID', {
      name: metric,
      received: { direction, target, [name]: bound },
      expected: `a target within the bound ${name}, because no result reaches the target and keeps the bound otherwise`,
    })
}

/** The bounds of these objectives as text: `latencyMs atMost 5, accuracy atLeast 0.9`. */
export const boundsText = (objectives: readonly ResolvedObjective[]): string =>
  objectives
    .flatMap(({ metric, atMost, atLeast }) => [
      ...(atLeast === undefined ? [] : [`${metric} atLeast ${atLeast}`]),
      ...(atMost === undefined ? [] : [`${metric} atMost ${atMost}`]),
    ])
    .join(', ')

/** The metric with its sign turned so that larger is better. */
const gain = (o: ResolvedObjective, value: number) => (o.direction === 'maximise' ? value : -value)

/** How far a metric is outside its bounds, relative to the bound; 0 inside. */
const violation = (o: ResolvedObjective, value: number): number => {
  const over = o.atMost === undefined ? 0 : Math.max(0, value - o.atMost) / (Math.abs(o.atMost) || 1)
  const under = o.atLeast === undefined ? 0 : Math.max(0, o.atLeast - value) / (Math.abs(o.atLeast) || 1)
  return over + under
}

type Metrics = Readonly<Record<string, number>>

/**
 * Sum over all bounds of how far a metric is outside, relative to the bound; a metric that is missing or inside counts
 * 0.
 */
export const violationOf = (objectives: readonly ResolvedObjective[], metrics: Metrics): number => {
  let sum = 0
  for (const o of objectives) {
    const value = metrics[o.metric]
    if (value !== undefined) sum += violation(o, value)
  }
  return sum
}

/**
 * Larger is better: Σ weight · gain / scale. Bounds do not change the reward, because feasibility is compared before
 * rewards.
 */
export const rewardOf = (objectives: readonly ResolvedObjective[], metrics: Metrics): number => {
  let reward = 0
  for (const o of objectives) if (o.weight !== 0) reward += (o.weight * gain(o, metrics[o.metric]!)) / o.scale
  return reward
}

/** One number per objective, larger is better in each. */
export const gainsOf = (objectives: readonly ResolvedObjective[], metrics: Metrics): readonly number[] =>
  objectives.map((o) => gain(o, metrics[o.metric]!))

/** Whether every objective has its metric. */
export const isMeasured = (objectives: readonly ResolvedObjective[], metrics: Metrics): boolean =>
  objectives.every((o) => metrics[o.metric] !== undefined)

/** NaN, or infinite in the bad direction: the usual result of a training run that diverged. */
export const isDiverged = (o: ResolvedObjective, value: number): boolean =>
  Number.isNaN(value) || gain(o, value) === Number.NEGATIVE_INFINITY

/** The fields of a result that comparisons use. Without the optional fields a result is feasible. */
export interface Comparable {
  readonly reward: number
  readonly feasible?: boolean
  readonly violation?: number
}

/**
 * Deb's rule as a comparison for `sort`, the better result first: a feasible result precedes an infeasible one, two
 * infeasible ones are ordered by their violation, two feasible ones by their reward. Independent of units.
 * Source: Deb, "An efficient constraint handling method for genetic algorithms", 2000.
 */
export function compareResults(a: Comparable, b: Comparable): number {
  const [fa, fb] = [a.feasible ?? true, b.feasible ?? true]
  if (fa !== fb) return fa ? -1 : 1
  if (!fa) return (a.violation ?? 0) - (b.violation ?? 0)
  return a.reward === b.reward ? 0 : b.reward - a.reward
}

export const reachesTarget = (objectives: readonly ResolvedObjective[], metrics: Metrics): boolean => {
  const targets = objectives.filter((o) => o.target !== undefined)
  return targets.length > 0 && targets.every((o) => gain(o, metrics[o.metric] as number) >= gain(o, o.target as number))
}

/** a is at least as good everywhere and better somewhere. */
export const dominates = (a: readonly number[], b: readonly number[]): boolean => {
  let better = false
  for (let i = 0; i < a.length; i++) {
    if (a[i]! < b[i]!) return false
    if (a[i]! > b[i]!) better = true
  }
  return better
}
