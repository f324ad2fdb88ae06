import type { Column } from '../policy/regression-tree.ts'
import { type Decision, shareOf, toUnit } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import type { Trial } from '../trial/trial.ts'

/** One decision as a column of numbers, with the measure by which its values are averaged over. */
export interface Coordinate {
  readonly name: string
  readonly column: Column
  /** Share of the trials in which the decision is inactive. */
  readonly inactive: number
  /** Of one trial. Options are their index and reals their place in [0, 1]; see `INACTIVE` for decisions that are not. */
  encode(trial: Trial): number
  /** Values that stand for cells of the decision's scale, given where the scale is cut, and the measure of each cell. */
  cells(cuts: readonly number[]): { readonly values: readonly number[]; readonly measure: readonly number[] }
}

/** Below every value of an ordered decision. */
export const INACTIVE = -1

/** Whether a decision counts in a trial. Without the space, reals outside their range are known to be inactive, no others. */
const activeIn = (decision: Decision, index: number, space: SearchSpace | undefined) => (trial: Trial) => {
  if (space) return space.isActive(trial.genotype, index)
  const value = trial.genotype[index]!
  return decision.kind === 'choice' || (value >= decision.min && value <= decision.max)
}

export function coordinatesOf(
  decisions: readonly Decision[],
  trials: readonly Trial[],
  space: SearchSpace | undefined,
): readonly Coordinate[] {
  return decisions.map((decision, index) => {
    const isActive = activeIn(decision, index, space)
    const inactive = trials.filter((trial) => !isActive(trial)).length / Math.max(1, trials.length)
    const unordered = decision.kind === 'choice' && !decision.ordered
    const count = decision.kind === 'choice' ? decision.options.length : 0
    const without = unordered ? count : INACTIVE
    const [rest, extra] = [1 - inactive, inactive > 0 ? [without] : []]
    return {
      name: decision.name,
      column: unordered ? { kind: 'categories', count: count + 1 } : { kind: 'ordered' },
      inactive,
      encode(trial) {
        const value = trial.genotype[index]!
        if (!isActive(trial)) return without
        return decision.kind === 'choice' ? value : toUnit(decision, value)
      },
      cells(cuts) {
        const measure = extra.map(() => inactive)
        if (decision.kind === 'choice') {
          const options = decision.options.map((_, option) => option)
          return {
            values: [...extra, ...options],
            measure: [...measure, ...options.map((option) => rest * shareOf(decision, option))],
          }
        }
        const edges = [0, ...new Set(cuts.filter((cut) => cut > 0 && cut < 1).toSorted((a, b) => a - b)), 1]
        const pieces = edges.slice(1).map((high, k) => [edges[k]!, high] as const)
        return {
          values: [...extra, ...pieces.map(([low, high]) => (low + high) / 2)],
          measure: [...measure, ...pieces.map(([low, high]) => rest * (high - low))],
        }
      },
    }
  })
}
