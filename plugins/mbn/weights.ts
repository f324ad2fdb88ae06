import { optionError } from '../../core/options/index.ts'

/**
 * How batches in memory are weighted, the newest first: all equally; by λ for every step of age; or by λ over all
 * batches so far.
 */
export type WeightFamily = 'uniform' | 'exponential' | 'infinite'

export interface MemoryWeights {
  /** Default 'exponential'. */
  readonly family?: WeightFamily
  /** Number of batches in memory, including the present one; not for 'infinite'. Default 10. */
  readonly batches?: number
  /** Decay of the weight for each step of age, in (0, 1); not for 'uniform'. Default 0.9. */
  readonly decay?: number
}

const families: readonly WeightFamily[] = ['uniform', 'exponential', 'infinite']

/** Checks the options and fills in their defaults. Error: ARCHLOOM_OPTION. */
export function checkedWeights({
  family = 'exponential',
  batches = 10,
  decay = 0.9,
}: MemoryWeights): Required<MemoryWeights> {
  if (!families.includes(family)) throw optionError('mbn', 'family', family, `one of ${families.join(', ')}`)
  if (!(Number.isInteger(batches) && batches >= 1))
    throw optionError('mbn', 'batches', batches, 'an integer of at least 1')
  if (!(decay > 0 && decay < 1)) throw optionError('mbn', 'decay', decay, 'a number in (0, 1)')
  return { family, batches, decay }
}

/**
 * Unnormalised weights of the slots of a memory, the newest first. An infinite memory has two slots: the newest batch,
 * and one for all older batches.
 */
export function slotWeights(options: MemoryWeights): readonly number[] {
  const { family, batches, decay } = checkedWeights(options)
  if (family === 'infinite') return [1, decay]
  return Array.from({ length: batches }, (_, age) => (family === 'uniform' ? 1 : decay ** age))
}

/** w₁ … wₙ of the last n batches of equal size, the newest first; they sum to 1. */
export function weightsOf(options: MemoryWeights, seen: number): readonly number[] {
  const { family, batches, decay } = checkedWeights(options)
  const n = family === 'infinite' ? seen : Math.min(seen, batches)
  const raw = Array.from({ length: n }, (_, age) => (family === 'uniform' ? 1 : decay ** age))
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  return raw.map((weight) => weight / total)
}

/**
 * Weighted mean age of the entries, in steps, when the memory is used after an update. The age of an entry is the
 * number of updates since; Double-Forward reduces it by one.
 */
export const meanAge = (weights: readonly number[], doubleForward: boolean): number =>
  weights.reduce((sum, weight, age) => sum + weight * (age + (doubleForward ? 0 : 1)), 0)
