import type { Random } from '../../core/random.ts'

/**
 * Chooses exactly n of the indices so that each class keeps its share (rounded by the method of largest remainders).
 * Within a class the choice is random. Both parts keep the order of the indices.
 */
export function stratifiedChoice(
  labels: Int32Array,
  indices: Int32Array,
  n: number,
  classes: number,
  rng: Random,
): { chosen: Int32Array; rest: Int32Array } {
  const members = Array.from({ length: classes }, (): number[] => [])
  for (let i = 0; i < indices.length; i++) members[labels[indices[i] as number] as number]?.push(i)

  const quotas = members.map((positions) => (n * positions.length) / indices.length)
  const takes = quotas.map(Math.floor)
  const missing = n - takes.reduce((sum, take) => sum + take, 0)
  const byRemainder = quotas.map((quota, k) => ({ k, left: quota - Math.floor(quota) }))
  byRemainder.sort((a, b) => b.left - a.left || a.k - b.k)
  for (const { k } of byRemainder.slice(0, missing)) takes[k] = takes[k]! + 1

  const taken = new Uint8Array(indices.length)
  members.forEach((positions, k) => {
    // One stream per class, so that the choice within a class does not depend on other classes.
    for (const position of rng.fork(k).shuffle(positions).slice(0, takes[k])) taken[position] = 1
  })
  return {
    chosen: indices.filter((_, i) => taken[i] === 1),
    rest: indices.filter((_, i) => taken[i] === 0),
  }
}
