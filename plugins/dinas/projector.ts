/**
 * The projector of orthogonal weight modification, P = α (α I + X Xᵀ)⁻¹, updated by its rank-one recursion. It removes
 * the protected inputs, the columns of X, from a direction. Double precision, plain arrays.
 */
import { optionError } from '../../core/options/index.ts'
import { error } from './errors.ts'

/** P of one linear map: [dimension, dimension], row-major, symmetric, eigenvalues in (0, 1]. */
export interface Projector {
  readonly dimension: number
  readonly matrix: Float64Array
  /** Whether nothing is protected: P = I exactly. */
  readonly free: boolean
  /**
   * Protects inputs [count · dimension] one after the other: k = P x, P ← P − k kᵀ / (α + xᵀ k). Order does not
   * matter.
   * @throws ARCHLOOM_PROJECTOR_COLUMN, ARCHLOOM_PROJECTOR_DIMENSION, ARCHLOOM_PROJECTOR_ALPHA; P is then unchanged.
   */
  protect(columns: ArrayLike<number>, alpha: number): void
  /** Releases a share of the protection: P ← (1 − share) P + share I. With 1 nothing is protected any more. */
  release(share: number): void
  /** trace(P) / dimension: the share of directions that may still change. 1 when nothing is protected. */
  readonly freedom: number
  /**
   * P G for a gradient or increment [dimension, outputs], row-major: the protected part is removed from the column of
   * each output.
   */
  project(gradient: ArrayLike<number>): Float64Array
  /** Restores a matrix that `matrix` returned. @throws ARCHLOOM_PROJECTOR_STATE */
  restore(matrix: ArrayLike<number>): void
}

export function projector(dimension: number): Projector {
  if (!Number.isInteger(dimension) || dimension < 1)
    throw optionError('projector', 'dimension', dimension, 'a whole number of at least 1')
  const d = dimension
  const p = new Float64Array(d * d)
  const k = new Float64Array(d)
  let free = true
  const identity = () => {
    p.fill(0)
    for (let i = 0; i < d; i++) p[i * d + i] = 1
    free = true
  }
  identity()

  const protectOne = (x: ArrayLike<number>, start: number, alpha: number) => {
    let denominator = alpha
    for (let i = 0; i < d; i++) {
      let sum = 0
      for (let j = 0, row = i * d; j < d; j++) sum += p[row + j]! * x[start + j]!
      k[i] = sum
      denominator += sum * x[start + i]!
    }
    for (let i = 0; i < d; i++) {
      const scaled = k[i]! / denominator
      if (scaled === 0) continue
      for (let j = i, row = i * d; j < d; j++) {
        const value = p[row + j]! - scaled * k[j]!
        p[row + j] = value
        // Copies the other half, so that P is exactly symmetric.
        p[j * d + i] = value
      }
    }
  }

  return {
    dimension,
    matrix: p,
    get free() {
      return free
    },
    protect(columns, alpha) {
      if (!(alpha > 0 && alpha < Number.POSITIVE_INFINITY)) throw error('ARCHLOOM_PROJECTOR_ALPHA', { received: alpha })
      if (columns.length % d !== 0)
        throw error('ARCHLOOM_PROJECTOR_DIMENSION', {
          what: 'a protected input',
          received: columns.length,
          dimension,
        })
      for (let i = 0; i < columns.length; i++)
        if (!Number.isFinite(columns[i]))
          throw error('ARCHLOOM_PROJECTOR_COLUMN', { received: columns[i], at: i % d, dimension })
      for (let start = 0; start < columns.length; start += d) protectOne(columns, start, alpha)
      if (columns.length > 0) free = false
    },
    release(share) {
      if (!(share >= 0 && share <= 1)) throw optionError('projector', 'release', share, 'a number from 0 to 1')
      if (share === 1) return identity()
      for (let i = 0; i < p.length; i++) p[i] = p[i]! * (1 - share)
      for (let i = 0; i < d; i++) p[i * d + i] = p[i * d + i]! + share
    },
    get freedom() {
      let trace = 0
      for (let i = 0; i < d; i++) trace += p[i * d + i] as number
      return trace / d
    },
    project(gradient) {
      const outputs = gradient.length / d
      if (!Number.isInteger(outputs))
        throw error('ARCHLOOM_PROJECTOR_DIMENSION', { what: 'a gradient', received: gradient.length, dimension })
      const out = new Float64Array(gradient.length)
      if (free) {
        out.set(gradient)
        return out
      }
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++) {
          const weight = p[i * d + j] as number
          for (let o = 0, to = i * outputs, from = j * outputs; o < outputs; o++)
            out[to + o] = out[to + o]! + weight * gradient[from + o]!
        }
      return out
    },
    restore(matrix) {
      if (matrix.length !== d * d)
        throw error('ARCHLOOM_PROJECTOR_STATE', {
          name: `dimension ${d}`,
          received: `${matrix.length} numbers`,
          expected: `${d * d} numbers`,
        })
      const values = Float64Array.from(matrix)
      const bad = values.findIndex((value) => !Number.isFinite(value))
      if (bad >= 0)
        throw error('ARCHLOOM_PROJECTOR_STATE', {
          name: `dimension ${d}`,
          received: `a matrix that holds ${values[bad]}`,
          expected: 'finite numbers',
        })
      p.set(values)
      free = values.every((value, i) => value === (i % (d + 1) === 0 ? 1 : 0))
    },
  }
}
