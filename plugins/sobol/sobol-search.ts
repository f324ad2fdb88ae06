import { type Controller, type ControllerFactory, fromUnit, shareOf } from '../../core/index.ts'
import { directions } from './directions.ts'
import { type SobolOptions, sobolOptions } from './options.ts'

/** Number of dimensions of the sequence. Further decisions are drawn at random. */
export const SOBOL_DIMENSIONS = directions.length + 1
const BITS = 32

/** Direction numbers of every dimension, as 32-bit fractions. */
const vectors: readonly Uint32Array[] = [
  Uint32Array.from({ length: BITS }, (_, j) => 2 ** (BITS - 1 - j)),
  ...directions.map(([polynomial = 0, ...initial]) => {
    const degree = initial.length
    const v = new Uint32Array(BITS)
    for (let j = 0; j < BITS; j++) {
      if (j < degree) {
        v[j] = initial[j]! * 2 ** (BITS - 1 - j)
        continue
      }
      let value = v[j - degree]! ^ (v[j - degree]! >>> degree)
      for (let k = 1; k < degree; k++) if ((polynomial >>> (degree - k)) & 1) value ^= v[j - k]!
      v[j] = value >>> 0
    }
    return v
  }),
]

/** Coordinate of point `index` (from 0) of the Sobol sequence in a dimension, in [0, 1), with a digital shift. */
export function sobolPoint(index: number, dimension: number, shift = 0): number {
  const v = vectors[dimension]!
  // With the Gray code of the index, neighbouring points differ in one direction number.
  let code = (index ^ (index >>> 1)) >>> 0
  let value = shift
  for (let bit = 0; code > 0; bit++, code >>>= 1) if (code & 1) value ^= v[bit]!
  return (value >>> 0) / 2 ** BITS
}

/**
 * Quasi-random search: the points of the Sobol sequence (Joe & Kuo 2008), one dimension per decision, mapped to the
 * decision's own scale, so that trials cover every decision, and pairs of decisions, more evenly than random draws.
 * Under constraints a coordinate chooses among the allowed options. Error: ARCHLOOM_OPTION.
 */
export function sobolSearch(given: SobolOptions = {}): ControllerFactory {
  const { scramble } = sobolOptions.read(given)
  return (space, rng): Controller => {
    const shifting = rng.fork('shift')
    const shifts = space.decisions.map(() => (scramble ? Math.floor(shifting.float() * 2 ** BITS) : 0))
    let index = 0
    return {
      propose(own) {
        const genotype: number[] = []
        while (genotype.length < space.decisions.length) {
          const d = genotype.length
          const decision = space.decisions[d]!
          const allowed = space.allowed(genotype)
          const u = d < SOBOL_DIMENSIONS ? sobolPoint(index, d, shifts[d]) : own.float()
          if (allowed === null || decision.kind === 'real' || allowed.length === decision.options.length)
            genotype.push(allowed?.length === 1 ? allowed[0]! : fromUnit(decision, u))
          else {
            const shares = allowed.map((option) => shareOf(decision, option))
            let left = u * shares.reduce((sum, share) => sum + share, 0)
            let at = 0
            while (at < shares.length - 1 && left >= shares[at]!) left -= shares[at++]!
            genotype.push(allowed[at]!)
          }
        }
        index++
        return { genotype }
      },
      observe: () => ({ point: index }),
      [Symbol.dispose]: () => {},
    }
  }
}
