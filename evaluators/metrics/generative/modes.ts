import { checkRows } from './rows.ts'

export interface ModeCoverage {
  /** Number of modes that were found. */
  readonly found: number
  /** Share of samples within the radius of their nearest mode. */
  readonly quality: number
  /**
   * KL divergence of the good samples' distribution over modes from the uniform one, in nats; ln(modes) if no sample
   * is good.
   */
  readonly divergence: number
  /** Good samples of each mode. */
  readonly counts: readonly number[]
}

/**
 * Measures how a generator covers known modes. A sample is good if it lies within `radius` of its nearest mode; a mode
 * is found if it has at least `least` good samples. @param samples Flat [count, dimension]. @param centres One array
 * per mode. Error: ARCHLOOM_GENERATIVE_METRIC.
 */
export function modeCoverage(
  samples: ArrayLike<number>,
  centres: readonly ArrayLike<number>[],
  { radius, least = 1 }: { radius: number; least?: number },
): ModeCoverage {
  const dimension = centres[0]?.length ?? 0
  const count = checkRows('modeCoverage', samples, dimension)
  const counts = new Array<number>(centres.length).fill(0)
  for (let i = 0; i < count; i++) {
    let [best, least] = [0, Number.POSITIVE_INFINITY]
    for (const [m, centre] of centres.entries()) {
      let distance = 0
      for (let k = 0; k < dimension; k++) distance += (samples[i * dimension + k]! - centre[k]!) ** 2
      if (distance < least) [best, least] = [m, distance]
    }
    if (least <= radius * radius) counts[best] = counts[best]! + 1
  }
  const good = counts.reduce((a, b) => a + b, 0)
  const divergence = counts.reduce(
    (sum, own) => (own === 0 ? sum : sum + (own / good) * Math.log((own / good) * counts.length)),
    0,
  )
  return {
    found: counts.filter((own) => own >= least).length,
    quality: good / count,
    divergence: good === 0 ? Math.log(counts.length) : divergence,
    counts,
  }
}
