import type { Genotype } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'

/** Remembers which architectures were proposed, so that measurements are spent on new ones first. */
export interface Novelty {
  add(genotype: Genotype): void
  /** Whether the genotype was proposed before, and the space still has enough that was not. */
  isStale(genotype: Genotype): boolean
}

/** Number of architectures; Infinity where a decision is real or constraints make counting too hard. */
function sizeOf(space: SearchSpace): number {
  try {
    return Number(space.size)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/**
 * @param unique share of the space that is to be proposed before anything may be proposed again: 0 never minds, 1 minds
 * as long as anything is new.
 */
export function novelty(space: SearchSpace, unique: number): Novelty {
  const seen = new Set<string>()
  let enough: number | undefined
  return {
    add(genotype) {
      seen.add(space.format(genotype))
    },
    isStale(genotype) {
      if (unique === 0 || !seen.has(space.format(genotype))) return false
      enough ??= unique * sizeOf(space)
      return seen.size < enough
    },
  }
}
