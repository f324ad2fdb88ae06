import { type Decision, type Genotype, toUnit } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'

/** Number of intervals into which real values are grouped. */
const INTERVALS = 8

/** Predicts from the trials so far whether a genotype satisfies the bounds of a search. */
export interface FeasibilityModel {
  observe(genotype: Genotype, feasible: boolean): void
  /** Probability in (0, 1) that a genotype is feasible; 1 as long as no trial was infeasible. */
  probability(genotype: Genotype): number
}

/**
 * A naive Bayes model. It counts each value of each decision among the feasible and among the infeasible trials
 * (add-one smoothing). The assumption suits costs that add up over decisions, such as multiply-adds.
 */
export function feasibilityModel({ decisions }: Pick<SearchSpace, 'decisions'>): FeasibilityModel {
  const sizeOf = (decision: Decision) => (decision.kind === 'choice' ? decision.options.length : INTERVALS)
  const counts = [0, 1].map(() => decisions.map((decision) => new Float64Array(sizeOf(decision))))
  const totals = [0, 0]
  const placeOf = (index: number, value: number) => {
    const decision = decisions[index]!
    return decision.kind === 'choice' ? value : Math.min(INTERVALS - 1, Math.floor(INTERVALS * toUnit(decision, value)))
  }
  return {
    observe(genotype, feasible) {
      const side = Number(feasible)
      totals[side]!++
      for (const [index, value] of genotype.entries()) counts[side]![index]![placeOf(index, value)]!++
    },
    probability(genotype) {
      if (totals[0] === 0) return 1
      let odds = Math.log((totals[1]! + 1) / (totals[0]! + 1))
      for (const [index, value] of genotype.entries()) {
        const place = placeOf(index, value)
        const size = sizeOf(decisions[index]!)
        const share = (side: number) => (counts[side]![index]![place]! + 1) / (totals[side]! + size)
        odds += Math.log(share(1) / share(0))
      }
      return 1 / (1 + Math.exp(-odds))
    },
  }
}
