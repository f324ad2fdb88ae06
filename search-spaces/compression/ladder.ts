import { error } from './super-bit-errors.ts'

/** Candidate bit-widths in ascending order; each grid on [0, 1] is a subset of the next one. */
export type Ladder = readonly number[]

/** The bits of the ABS paper. */
export const PAPER_LADDER: Ladder = [2, 4, 8]

/** Maximum bits of a candidate, so that codes and their products are exact in double precision. */
const MOST_BITS = 16

/** Number of steps of a grid on [0, 1]: k bits give 2ᵏ levels (eq. 3–4). */
export const stepsOf = (bits: number): number => 2 ** bits - 1

/** Whether every grid is a subset of the next one: (2ᵇ′ − 1) / (2ᵇ − 1) is whole exactly when b divides b′. */
export const isNested = (ladder: Ladder): boolean =>
  ladder.every((bits, i) => i === 0 || (bits > ladder[i - 1]! && bits % ladder[i - 1]! === 0))

/** Checks a ladder. Error: ARCHLOOM_SUPER_BIT_LADDER. */
export function nestedLadder(ladder: readonly number[]): Ladder {
  const whole = ladder.length > 0 && ladder.every((bits) => Number.isInteger(bits) && bits >= 1 && bits <= MOST_BITS)
  if (!whole || !isNested(ladder)) throw error('ARCHLOOM_SUPER_BIT_LADDER', { received: ladder, most: MOST_BITS })
  return ladder
}

/** How many steps of each grid make one step of the previous grid: 5 and 17 for 2, 4, 8 bits; 0 for the first grid. */
export const ratiosOf = (ladder: Ladder): readonly number[] =>
  ladder.map((bits, i) => (i === 0 ? 0 : stepsOf(bits) / stepsOf(ladder[i - 1]!)))
