import { type Genotype, type SearchSpace, toUnit } from '../../core/index.ts'
import type { RegressionTable } from '../../core/policy/regression-tree.ts'

/** Below every place of an ordered decision: the decision is inactive. */
const INACTIVE = -1

/**
 * How a genotype reaches a tree: unordered choices are categories, with one more for an inactive decision; ordered choices
 * and reals are their place in [0, 1] on the decision's own scale.
 */
export function encodingOf(space: SearchSpace): {
  readonly columns: RegressionTable['columns']
  encode(genotype: Genotype): Float64Array
} {
  const { decisions } = space
  return {
    columns: decisions.map((decision) =>
      decision.kind === 'choice' && !decision.ordered
        ? { kind: 'categories', count: decision.options.length + 1 }
        : { kind: 'ordered' },
    ),
    encode: (genotype) =>
      Float64Array.from(decisions, (decision, i) => {
        const isCategory = decision.kind === 'choice' && !decision.ordered
        if (!space.isActive(genotype, i)) return isCategory ? decision.options.length : INACTIVE
        return isCategory ? genotype[i]! : toUnit(decision, genotype[i]!)
      }),
  }
}
