import { error } from './errors.ts'
import {
  type Matrix,
  matrix,
  matrixOf,
  nuclearNorm,
  product,
  spectral,
  symmetricEigen,
  trace,
  transposed,
} from './matrix.ts'
import { dimensionOf, type Points } from './points.ts'

export interface Gaussian {
  readonly mean: ArrayLike<number>
  /** Symmetric and positive semi-definite; one array a row. */
  readonly covariance: readonly ArrayLike<number>[]
}

/** Mean and covariance (divided by n − 1) of a cloud. Error: ARCHLOOM_TRANSPORT_POINTS for fewer than two points. */
export function momentsOf(points: Points): Gaussian {
  const dimension = dimensionOf('momentsOf()', [points])
  const n = points.length
  if (n < 2)
    throw error('ARCHLOOM_TRANSPORT_POINTS', { where: 'momentsOf()', received: 'one point', expected: 'at least two' })
  const mean = new Float64Array(dimension)
  for (const point of points)
    for (let k = 0; k < dimension; k++) mean[k] = (mean[k] as number) + (point[k] as number) / n
  const covariance = Array.from({ length: dimension }, () => new Float64Array(dimension))
  const centred = new Float64Array(dimension)
  for (const point of points) {
    for (let k = 0; k < dimension; k++) centred[k] = (point[k] as number) - (mean[k] as number)
    for (let i = 0; i < dimension; i++) {
      const row = covariance[i] as Float64Array
      const factor = (centred[i] as number) / (n - 1)
      for (let j = 0; j < dimension; j++) row[j] = (row[j] as number) + factor * (centred[j] as number)
    }
  }
  return { mean, covariance }
}

const meanDistance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0)

/** Rounding may leave an eigenvalue slightly below 0; more than that is no covariance. */
function covarianceEigen(m: Matrix) {
  const eigen = symmetricEigen(m)
  const [least, most] = [Math.min(...eigen.values), Math.max(...eigen.values)]
  const symmetric = m.values.every(
    (value, at) =>
      Math.abs(value - (m.values[(at % m.rows) * m.rows + Math.floor(at / m.rows)] as number)) <= 1e-6 * Math.abs(most),
  )
  if (!symmetric || !(least >= -1e-6 * Math.max(1e-12, most)))
    throw error('ARCHLOOM_TRANSPORT_COVARIANCE', {
      received: symmetric ? `a covariance with the eigenvalue ${least}` : 'a covariance that is not symmetric',
      expected: 'a symmetric positive semi-definite matrix',
    })
  return eigen
}

/**
 * W₂² between Gaussians (Dowson & Landau 1982): ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁^½ Σ₂ Σ₁^½)^½. Of the features of
 * a network it is the Fréchet distance of image synthesis. Degenerate covariances are welcome.
 * Error: ARCHLOOM_TRANSPORT_COVARIANCE.
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
  covarianceEigen(second)
  const root = spectral(covarianceEigen(first), (value) => Math.sqrt(Math.max(0, value)))
  const { values } = symmetricEigen(symmetrised(product(product(root, second), root)))
  const cross = values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0)
  return Math.max(0, meanDistance(a.mean, b.mean) + trace(first) + trace(second) - 2 * cross)
}

function symmetrised(m: Matrix): Matrix {
  const flipped = transposed(m)
  return matrix(
    m.rows,
    m.columns,
    m.values.map((value, i) => (value + (flipped.values[i] as number)) / 2),
  )
}

/**
 * W₂² between the laws of A·u and B·u for standard normal u: ‖A‖² + ‖B‖² − 2 ‖AᵀB‖_*. The joint law of (x, f(x)) with a
 * linear f is of this form, and has no invertible covariance.
 * @param a,b matrices of as many rows; one array a row.
 */
export function linearTransport(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  if (a.length !== b.length)
    throw error('ARCHLOOM_TRANSPORT_COVARIANCE', {
      received: `factors of ${a.length} and ${b.length} rows`,
      expected: 'as many rows in both',
    })
  const [first, second] = [matrixOf(a), matrixOf(b)]
  const square = ({ values }: Matrix) => values.reduce((sum, value) => sum + value * value, 0)
  return Math.max(0, square(first) + square(second) - 2 * nuclearNorm(product(transposed(first), second)))
}
