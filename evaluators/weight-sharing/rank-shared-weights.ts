import type { SharedWeights } from './evaluator.ts'
import { type Ranking, rankingReport } from './ranking.ts'

export interface RankOptions<A> {
  /** Depth of an architecture, if it is defined: see `depthOf`. */
  readonly depth?: (architecture: A) => number
  readonly signal?: AbortSignal
}

/**
 * Measures how well shared weights rank architectures whose stand-alone results are known (from a table, or from
 * training each of them), in comparison with multiply-adds, parameters, and depth if given. Errors:
 * ARCHLOOM_RANKING_INPUT.
 */
export async function rankSharedWeights<A>(
  shared: SharedWeights<A>,
  architectures: readonly A[],
  reference: readonly number[],
  { depth, signal }: RankOptions<A> = {},
): Promise<readonly Ranking[]> {
  const { space, train } = shared
  const form = { input: train.inputShape, classes: train.classes }
  const accuracies: number[] = []
  for (const architecture of architectures) accuracies.push((await shared.measure(architecture, signal)).accuracy)
  const { cost } = space
  const costs = cost && architectures.map((architecture) => cost(architecture, form))
  return rankingReport(reference, {
    'shared weights': accuracies,
    ...(costs && {
      multiplyAdds: costs.map(({ multiplyAdds }) => multiplyAdds),
      parameters: costs.map(({ parameters }) => parameters),
    }),
    ...(depth && { depth: architectures.map(depth) }),
  })
}
