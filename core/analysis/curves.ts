import type { ResolvedObjective } from '../trial/objective.ts'
import type { Trial } from '../trial/trial.ts'
import { error } from './errors.ts'

/** Of the best feasible completed trial among the first n, for n = 1, 2, …; NaN before the first one. */
export function bestSoFar(
  trials: readonly Trial[],
  { metric, direction }: Pick<ResolvedObjective, 'metric' | 'direction'>,
) {
  let best = Number.NaN
  return trials.map(({ status, metrics, feasible = true }) => {
    const value = metrics[metric]
    if (status !== 'completed' || !feasible || value === undefined || Number.isNaN(value)) return best
    if (Number.isNaN(best) || (direction === 'maximise' ? value > best : value < best)) best = value
    return best
  })
}

/** Two-sided 95 % points of Student's t for 1 … 30 degrees of freedom; beyond, the normal one is taken with its first correction. */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]
const t95 = (freedom: number) => T95[freedom - 1] ?? 1.96 + 2.372 / freedom

/** Mean of values, standard deviation (n − 1), and the 95 % confidence interval of the mean by Student's t. */
export interface Summary {
  readonly count: number
  readonly mean: number
  /** NaN of a single value, as are `low` and `high`. */
  readonly sd: number
  readonly low: number
  readonly high: number
}

export function summarise(values: readonly number[]): Summary {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const sd =
    count < 2 ? Number.NaN : Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1))
  const half = count < 2 ? Number.NaN : (t95(count - 1) * sd) / Math.sqrt(count)
  return { count, mean, sd, low: mean - half, high: mean + half }
}

/**
 * Pointwise means and 95 % confidence intervals of curves such as `bestSoFar` gives, as long as the shortest one. Positions
 * at which a curve is not a number yet are summarised over the others. Error: ARCHLOOM_ANALYSIS_SAMPLES.
 */
export function confidenceBand(curves: readonly (readonly number[])[]): readonly Summary[] {
  if (curves.length === 0)
    throw error('ARCHLOOM_ANALYSIS_SAMPLES', {
      test: 'the confidence band',
      received: 'no curve',
      expected: 'at least one',
    })
  const length = Math.min(...curves.map((curve) => curve.length))
  return Array.from({ length }, (_, i) =>
    summarise(curves.map((curve) => curve[i]!).filter((value) => !Number.isNaN(value))),
  )
}

/** The empirical distribution function: at each distinct value, ascending, the share of values that are at most that. */
export function empiricalDistribution(
  values: readonly number[],
): readonly { readonly value: number; readonly share: number }[] {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  return sorted.flatMap((value, i) => (sorted[i + 1] === value ? [] : [{ value, share: (i + 1) / sorted.length }]))
}
