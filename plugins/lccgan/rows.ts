import { error } from './errors.ts'

/** Points of one dimension, an array each, in float64: codes are solutions of nearly singular systems. */
export type Rows = readonly Float64Array[]

/** Rows of a flat array [count, dimension]. Errors: ARCHLOOM_LCCGAN_POINTS when it is no whole number of finite rows. */
export function rowsOf(values: ArrayLike<number>, dimension: number): Rows {
  const count = values.length / dimension
  if (!Number.isInteger(count) || count < 1)
    throw error('ARCHLOOM_LCCGAN_POINTS', {
      where: 'rowsOf',
      received: `${values.length} values`,
      expected: `one or more rows of ${dimension}`,
    })
  return Array.from({ length: count }, (_, i) => {
    const row = Float64Array.from({ length: dimension }, (_, k) => values[i * dimension + k] as number)
    if (!row.every(Number.isFinite))
      throw error('ARCHLOOM_LCCGAN_POINTS', {
        where: 'rowsOf',
        received: `a row (number ${i}) that is not finite`,
        expected: 'finite numbers; did the auto-encoder diverge?',
      })
    return row
  })
}

export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2
  return sum
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!
  return sum
}

/** Σ weights[j]·rows[j]. */
export function combination(weights: ArrayLike<number>, rows: Rows): Float64Array {
  const out = new Float64Array((rows[0] as Float64Array).length)
  for (let j = 0; j < rows.length; j++) {
    const [row, weight] = [rows[j] as Float64Array, weights[j] as number]
    // Local codes are mostly zeros.
    if (weight === 0) continue
    for (let k = 0; k < out.length; k++) out[k] = out[k]! + weight * row[k]!
  }
  return out
}

/**
 * Solves A·X = B for a symmetric positive definite A [n, n] by Cholesky factors; both arrays are overwritten, X comes in
 * B [n, columns]. A vanishing pivot is lifted to a rounding error's size.
 */
export function solvePositive(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const columns = b.length / n
  let largest = 0
  for (let i = 0; i < n; i++) largest = Math.max(largest, a[i * n + i] as number)
  const least = 1e-14 * largest || 1
  for (let j = 0; j < n; j++) {
    let pivot = a[j * n + j] as number
    for (let k = 0; k < j; k++) pivot -= a[j * n + k]! ** 2
    const root = Math.sqrt(Math.max(pivot, least))
    a[j * n + j] = root
    for (let i = j + 1; i < n; i++) {
      let sum = a[i * n + j] as number
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!
      a[i * n + j] = sum / root
    }
  }
  const eliminate = (i: number, others: Iterable<readonly [row: number, factor: number]>) => {
    for (const [k, factor] of others)
      for (let c = 0; c < columns; c++) b[i * columns + c] = b[i * columns + c]! - factor * b[k * columns + c]!
    for (let c = 0; c < columns; c++) b[i * columns + c] = b[i * columns + c]! / a[i * n + i]!
  }
  for (let i = 0; i < n; i++)
    eliminate(
      i,
      Array.from({ length: i }, (_, k) => [k, a[i * n + k] as number] as const),
    )
  for (let i = n - 1; i >= 0; i--)
    eliminate(
      i,
      Array.from({ length: n - 1 - i }, (_, k) => [i + 1 + k, a[(i + 1 + k) * n + i] as number] as const),
    )
  return b
}
