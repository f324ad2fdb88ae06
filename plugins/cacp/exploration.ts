import type { Random } from '../../core/index.ts'

/** Number of draws after which the mean itself is used; reached only if the mean is far outside. */
const MOST_DRAWS = 1000

/** A normal with this mean and standard deviation, redrawn outside [0, 1]. */
export function truncatedNormal(mean: number, sd: number, rng: Random): number {
  const clipped = Math.min(1, Math.max(0, mean))
  if (!(sd > 0)) return clipped
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const x = mean + sd * rng.normal()
    if (x >= 0 && x <= 1) return x
  }
  return clipped
}

/** Standard deviation in the n-th learned episode (from 1): 0.5 · 0.95ⁿ, and never less than `floor`. */
export const explorationSd = (learned: number, start = 0.5, decay = 0.95, floor = 0): number =>
  Math.max(floor, start * decay ** learned)
