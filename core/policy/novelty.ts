import type { Genotype } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'

/** Remembers which architectures were proposed, so that new ones are measured first. */
export interface Novelty {
  add(genotype: Genotype): void
  /** Whether the genotype was proposed before while enough of the space has not been proposed yet. */
  isStale(genotype: Genotype): boolean
}

/** Number of architectures; Infinity if a decision is real or constraints make counting too expensive. */
function sizeOf(space: SearchSpace): number {
  try {
    return Number(space.size)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** The bytes of a genotype's numbers as a text. To write real numbers as decimals takes many times as long. */
function bytesOf(space: Pick<SearchSpace, 'decisions'>): (genotype: Genotype) => string {
  const numbers = new Float64Array(space.decisions.length)
  const halves = new Uint16Array(numbers.buffer)
  return (genotype) => {
    // Adding 0 makes −0 the same as 0.
    for (let d = 0; d < numbers.length; d++) numbers[d] = genotype[d]! + 0
    return String.fromCharCode.apply(undefined, halves as unknown as number[])
  }
}

/**
 * @param unique Share of the space that must be proposed before an architecture may be proposed again. 0 allows
 * repetition at once; 1 allows it only after the whole space was proposed.
 */
export function novelty(space: SearchSpace, unique: number): Novelty {
  const seen = new Set<string>()
  const keyOf = space.decisions.some(({ kind }) => kind === 'real') ? bytesOf(space) : space.format
  let enough: number | undefined
  return {
    add(genotype) {
      seen.add(keyOf(genotype))
    },
    isStale(genotype) {
      if (unique === 0 || !seen.has(keyOf(genotype))) return false
      enough ??= unique * sizeOf(space)
      return seen.size < enough
    },
  }
}
