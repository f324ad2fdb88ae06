import type { BenchResult } from '../../../core/cli/commands/bench.ts'
import { type Arm, arms, type Finished } from './units.ts'

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
/** Sample standard deviation; 0 for a single value. */
const sd = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / Math.max(1, values.length - 1))
const spread = (values: readonly number[]) => `${mean(values).toFixed(4)} ± ${sd(values).toFixed(4)}`

/** What the finished units say: `fit` alone, and beside each other arm on the seeds that both have finished. */
export function summaryOf(finished: readonly Finished[]): BenchResult[] {
  const sets = [...new Set(finished.map(({ set, minutes }) => `${set}, ${minutes} min`))]
  return sets.flatMap((label) => {
    const own = finished.filter(({ set, minutes }) => `${set}, ${minutes} min` === label)
    const of = (arm: Arm) => new Map(own.filter((unit) => unit.arm === arm).map(({ seed, value }) => [seed, value]))
    const found = of('fit')
    if (found.size === 0) return []
    const lowerIsBetter = own[0]!.metric === 'rmse'
    const result = (values: readonly number[]) => ({
      value: mean(values),
      unit: `${own[0]!.metric}, ± ${sd(values).toFixed(4)}, ${values.length} seed${values.length === 1 ? '' : 's'}`,
    })
    const beside = arms.slice(1).flatMap((arm) => {
      const other = of(arm)
      const seeds = [...found.keys()].filter((seed) => other.has(seed))
      if (seeds.length === 0) return []
      const [ours, theirs] = [seeds.map((seed) => found.get(seed)!), seeds.map((seed) => other.get(seed)!)]
      const gains = ours.map((value, i) => (lowerIsBetter ? theirs[i]! - value : value - theirs[i]!))
      return [
        {
          name: `${label}: fit against ${arm}`,
          ...result(ours),
          reference: `${spread(theirs)}; paired gain ${spread(gains)}`,
          ratio: lowerIsBetter ? mean(theirs) / mean(ours) : mean(ours) / mean(theirs),
        },
      ]
    })
    return beside.length > 0 ? beside : [{ name: `${label}: fit`, ...result([...found.values()]) }]
  })
}
