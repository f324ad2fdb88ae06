/**
 * Computes few columns with the same second moment as many: a factor L of a symmetric positive semi-definite K = L Lᵀ,
 * by Cholesky with diagonal pivoting. The projector depends on X only through X Xᵀ, so the columns of L can replace X.
 */

/**
 * @param moment K [d, d], row-major; destroyed.
 * @param rank at most so many columns, the largest remaining diagonal first.
 * @returns [columns · d], each column of L contiguous; fewer where K has a smaller rank.
 */
export function columnsOfMoment(moment: Float64Array, d: number, rank = d): Float64Array {
  const diagonal = Float64Array.from({ length: d }, (_, i) => moment[i * d + i] as number)
  const largest = diagonal.reduce((most, value) => Math.max(most, value), 0)
  const columns = new Float64Array(Math.min(rank, d) * d)
  let count = 0
  // Comparisons with NaN are false, so it would look like an empty matrix. It is passed on to the projector, which
  // refuses it.
  const bad = moment.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) return new Float64Array(d).fill(moment[bad]!)
  for (; count < Math.min(rank, d); count++) {
    let pivot = 0
    for (let i = 1; i < d; i++) if (diagonal[i]! > diagonal[pivot]!) pivot = i
    const remaining = diagonal[pivot] as number
    // Single-precision moments have a relative error of about 1e-7 of the largest entry.
    if (!(remaining > 1e-7 * largest)) break
    const root = Math.sqrt(remaining)
    const column = columns.subarray(count * d, (count + 1) * d)
    for (let i = 0; i < d; i++) column[i] = moment[pivot * d + i] as number
    for (let c = 0; c < count; c++) {
      const weight = columns[c * d + pivot] as number
      if (weight === 0) continue
      for (let i = 0; i < d; i++) column[i] = column[i]! - weight * columns[c * d + i]!
    }
    for (let i = 0; i < d; i++) {
      column[i] = column[i]! / root
      diagonal[i] = diagonal[i]! - column[i]! ** 2
    }
    // The remaining part of a processed column is exactly 0, up to rounding.
    diagonal[pivot] = Number.NEGATIVE_INFINITY
  }
  return columns.subarray(0, count * d)
}
