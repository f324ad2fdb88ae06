/** The lower Cholesky factor of a symmetric, row-major matrix; undefined if it is not positive definite. */
export function cholesky(matrix: Float64Array, n: number): Float64Array | undefined {
  const lower = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!
      for (let k = 0; k < j; k++) sum -= lower[i * n + k]! * lower[j * n + k]!
      if (i !== j) lower[i * n + j] = sum / lower[j * n + j]!
      else if (sum > 0) lower[i * n + i] = Math.sqrt(sum)
      else return undefined
    }
  return lower
}

/** Solves L x = b. */
export function forward(lower: Float64Array, b: ArrayLike<number>, n: number): Float64Array {
  const x = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    let sum = b[i]!
    for (let k = 0; k < i; k++) sum -= lower[i * n + k]! * x[k]!
    x[i] = sum / lower[i * n + i]!
  }
  return x
}

/** Solves Lᵀ x = b. */
export function backward(lower: Float64Array, b: ArrayLike<number>, n: number): Float64Array {
  const x = new Float64Array(n)
  for (let i = n - 1; i >= 0; i--) {
    let sum = b[i]!
    for (let k = i + 1; k < n; k++) sum -= lower[k * n + i]! * x[k]!
    x[i] = sum / lower[i * n + i]!
  }
  return x
}

const ROOT5 = Math.sqrt(5)
/** The Matérn 5/2 kernel of a squared distance, 1 at 0. */
export const matern = (squared: number): number => {
  const r = ROOT5 * Math.sqrt(squared)
  return (1 + r + (r * r) / 3) * Math.exp(-r)
}

/** Squared difference of two points in one dimension; `Kernel` holds its weight. */
export type Difference = (a: Float64Array, b: Float64Array, dimension: number) => number

export interface Hyperparameters {
  /** Inverse squared length scale of each dimension. */
  readonly weights: Float64Array
  /** Variance of the noise, in units of the variance of the signal. */
  readonly noise: number
}

/** The posterior of a Gaussian process with prior mean 0. */
export interface Posterior {
  /** Mean and standard deviation of the function (without noise) at a point. */
  at(point: Float64Array): { readonly mean: number; readonly deviation: number }
  /** ln of the marginal likelihood, at the most likely variance of the signal. */
  readonly logLikelihood: number
}

/**
 * Gaussian process regression (Rasmussen & Williams 2006, algorithm 2.1) with a Matérn 5/2 kernel of weighted
 * differences. The variance of the signal is the most likely one. Undefined if the kernel matrix is singular.
 */
export function posterior(
  points: readonly Float64Array[],
  values: ArrayLike<number>,
  { weights, noise }: Hyperparameters,
  difference: Difference,
): Posterior | undefined {
  const n = points.length
  const kernel = (a: Float64Array, b: Float64Array) => {
    let squared = 0
    for (let d = 0; d < weights.length; d++) squared += weights[d]! * difference(a, b, d)
    return matern(squared)
  }
  const matrix = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) matrix[i * n + j] = kernel(points[i]!, points[j]!)
    matrix[i * n + i] = 1 + noise
  }
  const lower = cholesky(matrix, n)
  if (!lower) return undefined
  const half = forward(lower, values, n)
  const alpha = backward(lower, half, n)
  let [fit, logDeterminant] = [0, 0]
  for (let i = 0; i < n; i++) {
    fit += half[i]! ** 2
    logDeterminant += 2 * Math.log(lower[i * n + i]!)
  }
  const variance = Math.max(1e-12, fit / n)
  return {
    logLikelihood: -0.5 * (n * Math.log(variance) + logDeterminant + n * (1 + Math.log(2 * Math.PI))),
    at(point) {
      const row = new Float64Array(n)
      let mean = 0
      for (let i = 0; i < n; i++) {
        row[i] = kernel(point, points[i]!)
        mean += row[i]! * alpha[i]!
      }
      const reduced = forward(lower, row, n)
      let explained = 0
      for (let i = 0; i < n; i++) explained += reduced[i]! ** 2
      return { mean, deviation: Math.sqrt(variance * Math.max(1e-12, 1 - explained)) }
    },
  }
}

/** Standard deviation of the logarithm of a weight and of the noise, about their starting values. */
const PRIOR_SD = 1.5

/**
 * Fits hyperparameters from the given ones under a log-normal prior around `start`, by coordinate steps with a factor
 * that shrinks from 4 to √2.
 */
export function fitted(
  points: readonly Float64Array[],
  values: ArrayLike<number>,
  from: Hyperparameters,
  start: Hyperparameters,
  difference: Difference,
): Hyperparameters {
  const size = from.weights.length
  let current = Float64Array.from([...from.weights, from.noise], Math.log)
  const centre = Float64Array.from([...start.weights, start.noise], Math.log)
  const read = (logs: Float64Array): Hyperparameters => ({
    weights: logs.slice(0, size).map(Math.exp),
    noise: Math.exp(logs[size]!),
  })
  const score = (logs: Float64Array) => {
    const prior = logs.reduce((sum, log, i) => sum - 0.5 * ((log - centre[i]!) / PRIOR_SD) ** 2, 0)
    return (posterior(points, values, read(logs), difference)?.logLikelihood ?? Number.NEGATIVE_INFINITY) + prior
  }
  let best = score(current)
  for (const step of [Math.log(4), Math.log(2), Math.log(2) / 2])
    for (let i = 0; i <= size; i++)
      for (const sign of [1, -1]) {
        const next = current.slice()
        next[i]! += sign * step
        const value = score(next)
        if (value <= best) continue
        best = value
        current = next
        break
      }
  return read(current)
}
