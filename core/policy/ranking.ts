import { compareResults } from '../trial/objective.ts'
import { nonDominatedRanking } from './pareto.ts'
import { descending } from './population.ts'

/** A result that is compared with others. One without a reward comes last. */
export interface Ranked {
  readonly reward?: number
  /** One number per objective, larger is better in each. */
  readonly objectives: readonly number[]
  readonly feasible: boolean
  readonly violation: number
}

/**
 * Indices of the results, the best first: feasible before infeasible, infeasible ones by violation, feasible ones by
 * reward, or with several objectives by non-dominated front and then crowding distance. Results without a reward come
 * last; equals keep their order.
 */
export function rankResults(results: readonly Ranked[]): number[] {
  const order = results.map((_, i) => i)
  const several = (results.find(({ objectives }) => objectives.length > 0)?.objectives.length ?? 0) > 1
  const feasible = order.filter((i) => results[i]!.feasible && results[i]!.reward !== undefined)
  const place = new Map<number, { front: number; crowding: number }>()
  if (several) {
    const ranking = nonDominatedRanking(feasible.map((i) => results[i]!.objectives))
    for (const [k, i] of feasible.entries()) place.set(i, ranking[k]!)
  }
  return order.sort((a, b) => {
    const [x, y] = [results[a]!, results[b]!]
    const known = Number(y.reward !== undefined || !y.feasible) - Number(x.reward !== undefined || !x.feasible)
    if (known !== 0) return known
    const [p, q] = [place.get(a), place.get(b)]
    if (p && q) return p.front - q.front || descending(p.crowding, q.crowding) || a - b
    return compareResults({ ...x, reward: x.reward ?? 0 }, { ...y, reward: y.reward ?? 0 }) || a - b
  })
}
