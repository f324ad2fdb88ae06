import { error } from './errors.ts'
import { upperTail } from './normal-tail.ts'

/** Outcome of a two-sided test of whether two samples come from the same distribution. */
export interface RankTest {
  /** Mann-Whitney: U of the first sample. Wilcoxon: the smaller of the two sums of signed ranks. */
  readonly statistic: number
  /** Two-sided; the probability of a statistic at least so far from its mean if there is no difference. */
  readonly pValue: number
  /** 'exact': by counting all arrangements. 'normal': by the normal approximation with the correction for ties. */
  readonly method: 'exact' | 'normal'
}

/** Ranks from 1, ties sharing their mean rank; and the sum of t³ − t over groups of t ties. */
export function tiedRanks(values: readonly number[]): { readonly ranks: readonly number[]; readonly ties: number } {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const ranks = new Array<number>(values.length).fill(0)
  let ties = 0
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++
    for (let k = start; k < end; k++) ranks[order[k]!] = (start + end + 1) / 2
    ties += (end - start) ** 3 - (end - start)
    start = end
  }
  return { ranks, ties }
}

function check(test: string, samples: readonly (readonly number[])[], least: number) {
  const sizes = samples.map((sample) => sample.length).join(' and ')
  if (samples.some((sample) => sample.length < least))
    throw error('ARCHLOOM_ANALYSIS_SAMPLES', {
      test,
      received: `samples of ${sizes} values`,
      expected: `at least ${least} in each`,
    })
  const strange = samples.flat().find((value) => !Number.isFinite(value))
  if (strange !== undefined)
    throw error('ARCHLOOM_ANALYSIS_SAMPLES', { test, received: String(strange), expected: 'finite numbers' })
}

/** Samples below this size are counted exactly, where there are no ties. */
const [EXACT_RANKS, EXACT_SIGNS] = [20, 50]

/** How many subsets of 1 … items of the given size have each sum: counts[sum]. All subsets where size is absent. */
function subsetSums(items: number, size?: number): Float64Array {
  const most = (items * (items + 1)) / 2
  const sizes = size ?? 0
  const counts = Array.from({ length: sizes + 1 }, () => new Float64Array(most + 1))
  counts[0]![0] = 1
  for (let item = 1; item <= items; item++) {
    if (size === undefined) for (let sum = most; sum >= item; sum--) counts[0]![sum]! += counts[0]![sum - item]!
    else
      for (let k = Math.min(size, item); k >= 1; k--)
        for (let sum = most; sum >= item; sum--) counts[k]![sum]! += counts[k - 1]![sum - item]!
  }
  return counts[sizes]!
}

/**
 * Mann-Whitney U test of two independent samples (Mann and Whitney 1947), two-sided. Exact where neither sample has more
 * than 20 values and no two values are equal; otherwise normal, with corrections for ties and continuity.
 * Error: ARCHLOOM_ANALYSIS_SAMPLES.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): RankTest {
  check('the Mann-Whitney test', [a, b], 1)
  const [m, n] = [a.length, b.length]
  const { ranks, ties } = tiedRanks([...a, ...b])
  const offset = (m * (m + 1)) / 2
  const statistic = ranks.slice(0, m).reduce((sum, rank) => sum + rank, 0) - offset
  const larger = Math.max(statistic, m * n - statistic)
  if (ties === 0 && Math.max(m, n) <= EXACT_RANKS) {
    const counts = subsetSums(m + n, m)
    let [tail, all] = [0, 0]
    counts.forEach((count, sum) => {
      all += count
      if (sum - offset >= larger) tail += count
    })
    return { statistic, pValue: Math.min(1, (2 * tail) / all), method: 'exact' }
  }
  const total = m + n
  const deviation = Math.sqrt(((m * n) / 12) * (total + 1 - ties / (total * (total - 1))))
  if (!(deviation > 0)) return { statistic, pValue: 1, method: 'normal' }
  const z = (larger - (m * n) / 2 - 0.5) / deviation
  return { statistic, pValue: z <= 0 ? 1 : 2 * upperTail(z), method: 'normal' }
}

/**
 * Wilcoxon signed-rank test of paired samples (Wilcoxon 1945), two-sided; pairs without a difference are left out. Exact
 * up to 50 pairs where no two differences are of equal size and none is 0; otherwise normal, with the correction for ties
 * and none for continuity. Error: ARCHLOOM_ANALYSIS_SAMPLES.
 */
export function wilcoxon(a: readonly number[], b: readonly number[]): RankTest {
  check('the Wilcoxon test', [a, b], 1)
  if (a.length !== b.length)
    throw error('ARCHLOOM_ANALYSIS_SAMPLES', {
      test: 'the Wilcoxon test',
      received: `${a.length} and ${b.length} values`,
      expected: 'pairs: equally many of each',
    })
  const all = a.map((value, i) => value - b[i]!)
  const differences = all.filter((difference) => difference !== 0)
  const n = differences.length
  if (n === 0) return { statistic: 0, pValue: 1, method: 'exact' }
  const { ranks, ties } = tiedRanks(differences.map(Math.abs))
  const positive = ranks.reduce((sum, rank, i) => sum + (differences[i]! > 0 ? rank : 0), 0)
  const statistic = Math.min(positive, (n * (n + 1)) / 2 - positive)
  if (ties === 0 && n === all.length && n <= EXACT_SIGNS) {
    const counts = subsetSums(n)
    let tail = 0
    for (let sum = 0; sum <= statistic; sum++) tail += counts[sum]!
    return { statistic, pValue: Math.min(1, (2 * tail) / 2 ** n), method: 'exact' }
  }
  const deviation = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24 - ties / 48)
  const z = Math.abs(statistic - (n * (n + 1)) / 4) / deviation
  return { statistic, pValue: 2 * upperTail(z), method: 'normal' }
}

/**
 * Probability that a value of the first sample exceeds one of the second, ties counting half: Vargha and Delaney's A,
 * 0.5 where neither tends to be larger. Error: ARCHLOOM_ANALYSIS_SAMPLES.
 */
export const superiority = (a: readonly number[], b: readonly number[]): number =>
  mannWhitney(a, b).statistic / (a.length * b.length)

/** Holm's correction of the p-values of several tests (Holm 1979), in the order given. */
export function holm(pValues: readonly number[]): readonly number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!)
  const corrected = [...pValues]
  let least = 0
  order.forEach((index, k) => {
    least = Math.max(least, Math.min(1, (pValues.length - k) * pValues[index]!))
    corrected[index] = least
  })
  return corrected
}
