import { error } from '../errors.ts'
import { pythonShuffle } from './mersenne-twister.ts'

/** Six edges, five operations. */
const SIZE = 15_625
/** The seed with which the benchmark's authors shuffled all architectures before numbering them. */
const SEED = 88

let order: readonly number[] | undefined
let places: readonly number[] | undefined

/** Official number → position among all genotypes in ascending order. */
function numbering() {
  order ??= pythonShuffle(
    Array.from({ length: SIZE }, (_, position) => position),
    SEED,
  )
  if (!places) {
    const inverse = new Array<number>(SIZE)
    for (const [index, position] of order.entries()) inverse[position] = index
    places = inverse
  }
  return { order, places }
}

/**
 * Number of a genotype in the benchmark's files (0 to 15,624). Throws ARCHLOOM_BENCHMARK_INDEX if it is not a
 * genotype.
 */
export function officialIndex(genotype: readonly number[]): number {
  const valid = genotype.length === 6 && genotype.every((op) => Number.isInteger(op) && op >= 0 && op < 5)
  if (!valid) throw error('ARCHLOOM_BENCHMARK_INDEX', { benchmark: 'NAS-Bench-201', received: genotype, size: SIZE })
  return numbering().places[genotype.reduce((position, op) => 5 * position + op, 0)] as number
}

/** Genotype of an official number. Throws ARCHLOOM_BENCHMARK_INDEX outside 0 to 15,624. */
export function genotypeOfIndex(index: number): readonly number[] {
  const position = numbering().order[index]
  if (position === undefined)
    throw error('ARCHLOOM_BENCHMARK_INDEX', { benchmark: 'NAS-Bench-201', received: index, size: SIZE })
  return [3125, 625, 125, 25, 5, 1].map((power) => Math.floor(position / power) % 5)
}
