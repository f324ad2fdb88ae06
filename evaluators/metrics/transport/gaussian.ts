import { error } from './errors.ts'
import {
  type Matrix,
  matrix,
  matrixOf,
  nuclearNorm,
  rowProducts,
  semiDefiniteFactor,
  symmetricEigenvalues,
  trace,
  transposed,
} from './matrix.ts'
import { dimensionOf, type Points } from './points.ts'

export interface Gaussian {
  readonly mean: ArrayLike<number>
  /** Symmetric and positive semi-definite; one array per row. */
  readonly covariance: readonly ArrayLike<number>[]
}

/** Mean and covariance (divided by n − 1) of a cloud. Error: ARCHLOOM_TRANSPORT_POINTS for fewer than two points. */
export function momentsOf(points: Points): Gaussian {
  const dimension = dimensionOf('momentsOf()', [points])
  const n = points.length
  if (n < 2)
    throw error('ARCHLOOM_TRANSPORT_POINTS', { where: 'momentsOf()', received: 'one point', expected: 'at least two' })
  const mean = new Float64Array(dimension)
  for (const point of points) for (let k = 0; k < dimension; k++) mean[k] = mean[k]! + point[k]! / n
  const centred = matrix(dimension, n)
  for (const [i, point] of points.entries())
    for (let k = 0; k < dimension; k++) centred.values[k * n + i] = point[k]! - mean[k]!
  const { values } = rowProducts(centred, centred)
  const covariance = Array.from({ length: dimension }, (_, k) =>
    values.slice(k * dimension, (k + 1) * dimension).map((value) => value / (n - 1)),
  )
  return { mean, covariance }
}

const meanDistance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)

/** The factor of a covariance. Rounding may leave a pivot slightly below 0; a more negative one is an error. */
function factorOf(m: Matrix): Matrix {
  const size = Math.max(1e-12, m.values.reduce((max, value) => Math.max(max, Math.abs(value)), 0)) // biome-ignore format: one line
  const refuse = (received: string) =>
    error('ARCHLOOM_TRANSPORT_COVARIANCE', { received, expected: 'a symmetric positive semi-definite matrix' })
  for (let i = 0; i < m.rows; i++)
    for (let j = 0; j <= i; j++)
      if (!(Math.abs(m.values[i * m.rows + j]! - m.values[j * m.rows + i]!) <= 1e-6 * size))
        throw refuse('a covariance that is not symmetric, or not of finite numbers')
  const { rows, left } = semiDefiniteFactor(m)
  if (left.least < -1e-9 * size || left.most > 1e-9 * size) {
    const values = symmetricEigenvalues(m)
    const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]
    if (!(least >= -1e-6 * Math.max(1e-12, most))) throw refuse(`a covariance with the eigenvalue ${least}`)
  }
  return rows
}

/**
 * W₂² between Gaussians (Dowson & Landau 1982): ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁^½ Σ₂ Σ₁^½)^½. For features of a
 * network it is the Fréchet distance of image synthesis. Covariances may be singular. Error:
 * ARCHLOOM_TRANSPORT_COVARIANCE.
 */
export function gaussianTransport(a: Gaussian, b: Gaussian): number {
  const n = a.mean.length
  const shapeOf = ({ mean, covariance }: Gaussian) =>
    `${mean.length} means, ${covariance.length} rows of ${covariance[0]?.length}`
  for (const each of [a, b])
    if (each.mean.length !== n || each.covariance.length !== n || each.covariance.some((row) => row.length !== n))
      throw error('ARCHLOOM_TRANSPORT_COVARIANCE', {
        received: shapeOf(each),
        expected: `${n} means and ${n} rows of ${n}`,
      })
  const [first, second] = [matrixOf(a.covariance), matrixOf(b.covariance)]
  // The trace of that root is ‖F₁F₂ᵀ‖_*, where Σ = FᵀF.
  const cross = nuclearNorm(rowProducts(factorOf(first), factorOf(second)))
  return Math.max(0, meanDistance(a.mean, b.mean) + trace(first) + trace(second) - 2 * cross)
}

/**
 * W₂² between the distributions of A·u and B·u for standard normal u: ‖A‖² + ‖B‖² − 2 ‖AᵀB‖_*. The joint distribution
 * of (x, f(x)) with a linear f has this form, and its covariance is not invertible. @param a,b Matrices with the same
 * number of rows; one array per row.
 */
export function linearTransport(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  if (a.length !== b.length)
    throw error('ARCHLOOM_TRANSPORT_COVARIANCE', {
      received: `factors of ${a.length} and ${b.length} rows`,
      expected: 'the same number of rows in both',
    })
  const [first, second] = [matrixOf(a), matrixOf(b)]
  const square = ({ values }: Matrix) => values.reduce((sum, value) => sum + value * value, 0)
  return Math.max(
    0,
    square(first) + square(second) - 2 * nuclearNorm(rowProducts(transposed(first), transposed(second))),
  )
}
