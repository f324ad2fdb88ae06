import { error } from './super-bit-errors.ts'

/** Candidate bit-widths, ascending, each grid of [0, 1] part of the next one. */
export type Ladder = readonly number[]

/** The bits of the ABS paper. */
export const PAPER_LADDER: Ladder = [2, 4, 8]

/** Most bits of a candidate: codes and their products stay exact in double precision, and 2¹⁶ levels are float16's own. */
const MOST_BITS = 16

/** Steps of a grid of [0, 1]: k bits give 2ᵏ levels (eq. 3–4). */
export const stepsOf = (bits: number): number => 2 ** bits - 1

/** Whether every grid is part of the next one: (2ᵇ′ − 1) / (2ᵇ − 1) is whole exactly when b divides b′. */
export const isNested = (ladder: Ladder): boolean =>
  ladder.every((bits, i) => i === 0 || (bits > (ladder[i - 1] as number) && bits % (ladder[i - 1] as number) === 0))

/** The ladder, checked. Errors: ARCHLOOM_SUPER_BIT_LADDER. */
export function nestedLadder(ladder: readonly number[]): Ladder {
  const whole = ladder.length > 0 && ladder.every((bits) => Number.isInteger(bits) && bits >= 1 && bits <= MOST_BITS)
  if (!whole || !isNested(ladder)) throw error('ARCHLOOM_SUPER_BIT_LADDER', { received: ladder, most: MOST_BITS })
  return ladder
}

/** How many steps of each grid make one step of the grid before: 5 and 17 for 2, 4, 8 bits; 0 before the first. */
export const ratiosOf = (ladder: Ladder): readonly number[] =>
  ladder.map((bits, i) => (i === 0 ? 0 : stepsOf(bits) / stepsOf(ladder[i - 1] as number)))
