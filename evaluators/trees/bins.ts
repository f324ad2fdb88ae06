/** Features as bytes, column by column, for building histograms. */
export interface Binned {
  readonly rows: number
  readonly features: number
  /** [features][rows] */
  readonly bins: Uint8Array
  /** For each feature: a value in bin b is at most thresholds[b] and greater than thresholds[b − 1]. */
  readonly thresholds: readonly Float32Array[]
}

const MOST_BINS = 255

/**
 * Splits every feature at midpoints between its values, into at most 255 bins with about equally many rows. Thresholds
 * are float32 and separate the training values exactly, so that `value <= threshold` gives the same result on every
 * platform.
 * @param x [rows, features]
 */
export function binFeatures(x: Float32Array, rows: number, features: number): Binned {
  const bins = new Uint8Array(rows * features)
  const thresholds: Float32Array[] = []
  const column = new Float32Array(rows)
  for (let f = 0; f < features; f++) {
    for (let i = 0; i < rows; i++) column[i] = x[i * features + f]!
    const cuts = cutsOf(column.slice().sort())
    thresholds.push(cuts)
    for (let i = 0; i < rows; i++) bins[f * rows + i] = binOf(cuts, column[i]!)
  }
  return { rows, features, bins, thresholds }
}

/** The first bin whose threshold is not less than the value. */
function binOf(cuts: Float32Array, value: number): number {
  let [low, high] = [0, cuts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (value <= cuts[middle]!) high = middle
    else low = middle + 1
  }
  return low
}

function cutsOf(sorted: Float32Array): Float32Array {
  const distinct: number[] = []
  const upTo: number[] = []
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) {
      distinct.push(sorted[i]!)
      upTo.push(i + 1)
    } else upTo[upTo.length - 1] = i + 1
  }
  const between = (k: number) => {
    const middle = Math.fround((distinct[k]! + distinct[k + 1]!) / 2)
    return middle < distinct[k + 1]! ? middle : distinct[k]!
  }
  if (distinct.length <= MOST_BINS)
    return Float32Array.from({ length: Math.max(0, distinct.length - 1) }, (_, k) => between(k))
  const cuts: number[] = []
  let k = 0
  for (let bin = 1; bin < MOST_BINS; bin++) {
    const wanted = (bin * sorted.length) / MOST_BINS
    while (k < distinct.length - 2 && upTo[k]! < wanted) k++
    if (cuts.length === 0 || between(k) > cuts.at(-1)!) cuts.push(between(k))
  }
  return Float32Array.from(cuts)
}
