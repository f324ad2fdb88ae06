/** A dense real matrix, row-major, in float64, because covariances are differences of large numbers. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

export const matrix = (rows: number, columns: number, values = new Float64Array(rows * columns)): Matrix => ({
  rows,
  columns,
  values,
})

export function matrixOf(rows: readonly ArrayLike<number>[]): Matrix {
  const columns = rows[0]?.length ?? 0
  const out = matrix(rows.length, columns)
  for (const [i, row] of rows.entries()) out.values.set(Float64Array.from(row), i * columns)
  return out
}

/** Rows that a block of the matrix product covers on either side; their sums fit the registers. */
const TALL = 4
/** Columns and rows whose numbers stay in the caches while they are used again. */
const [DEEP, NEAR] = [256, 256] as const

/** Computes A·Bᵀ. If both are the same matrix, only half of it is computed. */
export function rowProducts(a: Matrix, b: Matrix): Matrix {
  const depth = a.columns
  const [first, second] = [packed(a), a === b ? undefined : packed(b)]
  const other = second ?? first
  const [rows, columns] = [first.rows, other.rows]
  const sums = new Float64Array(rows * columns)
  for (let from = 0; from < depth; from += DEEP) {
    const length = Math.min(DEEP, depth - from)
    for (let near = 0; near < columns; near += NEAR)
      for (let i = second ? 0 : near; i < rows; i += TALL) {
        const end = Math.min(near + NEAR, second ? columns : i + TALL)
        for (let j = near; j < end; j += TALL) {
          const [x, y] = [i * depth + from * TALL, j * depth + from * TALL]
          addProducts(first.values, x, other.values, y, length, sums, i * columns + j, columns)
        }
      }
  }
  const out = matrix(a.rows, b.rows)
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.rows; j++)
      out.values[i * b.rows + j] = !second && j > i ? sums[j * columns + i]! : sums[i * columns + j]!
  return out
}

/** Rows in groups of four that lie interleaved, with rows of zeros up to a multiple of four. */
function packed({ rows, columns, values }: Matrix): Matrix {
  const out = matrix(Math.ceil(rows / TALL) * TALL, columns)
  for (let i = 0; i < rows; i++) {
    const to = (i - (i % TALL)) * columns + (i % TALL)
    for (let k = 0; k < columns; k++) out.values[to + k * TALL] = values[i * columns + k]!
  }
  return out
}

/** Adds the products of four rows by four rows, interleaved from `i` and `j` on, to the sums from `to` on. */
function addProducts(
  x: Float64Array,
  i: number,
  y: Float64Array,
  j: number,
  length: number,
  sums: Float64Array,
  to: number,
  columns: number,
): void {
  // One declaration for each number: taking arrays apart costs four times as much here.
  let p0 = 0
  let p1 = 0
  let p2 = 0
  let p3 = 0
  let q0 = 0
  let q1 = 0
  let q2 = 0
  let q3 = 0
  let r0 = 0
  let r1 = 0
  let r2 = 0
  let r3 = 0
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let v = j
  const end = i + TALL * length
  for (let u = i; u < end; u += TALL) {
    const a = x[u]!
    const b = x[u + 1]!
    const c = x[u + 2]!
    const d = x[u + 3]!
    const e = y[v]!
    const f = y[v + 1]!
    const g = y[v + 2]!
    const h = y[v + 3]!
    v += TALL
    p0 += a * e
    p1 += a * f
    p2 += a * g
    p3 += a * h
    q0 += b * e
    q1 += b * f
    q2 += b * g
    q3 += b * h
    r0 += c * e
    r1 += c * f
    r2 += c * g
    r3 += c * h
    s0 += d * e
    s1 += d * f
    s2 += d * g
    s3 += d * h
  }
  const add = (at: number, a: number, b: number, c: number, d: number) => {
    sums[at] = sums[at]! + a
    sums[at + 1] = sums[at + 1]! + b
    sums[at + 2] = sums[at + 2]! + c
    sums[at + 3] = sums[at + 3]! + d
  }
  add(to, p0, p1, p2, p3)
  add(to + columns, q0, q1, q2, q3)
  add(to + 2 * columns, r0, r1, r2, r3)
  add(to + 3 * columns, s0, s1, s2, s3)
}

export function transposed({ rows, columns, values }: Matrix): Matrix {
  const out = matrix(columns, rows)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out.values[j * rows + i] = values[i * columns + j] as number
  return out
}

export function trace({ rows, columns, values }: Matrix): number {
  let sum = 0
  for (let i = 0; i < Math.min(rows, columns); i++) sum += values[i * columns + i] as number
  return sum
}

export interface Factor {
  /** [rank, n]: M = FᵀF. */
  readonly rows: Matrix
  /** The least remaining diagonal value, and the largest remaining off-diagonal one, when no positive pivot is left. */
  readonly left: { readonly least: number; readonly most: number }
}

/** A pivot below this share of the largest diagonal value counts as a rounding error. */
const RANK_TOLERANCE = 1e-14

/**
 * The Cholesky factor of a symmetric positive semi-definite matrix of any rank, with complete pivoting (Higham 1990,
 * Analysis of the Cholesky decomposition of a semi-definite matrix).
 */
export function semiDefiniteFactor(m: Matrix): Factor {
  const n = m.rows
  const lower = new Float64Array(n * n)
  const diagonal = Float64Array.from({ length: n }, (_, i) => m.values[i * n + i]!)
  const done = new Uint8Array(n)
  const largest = diagonal.reduce((max, value) => Math.max(max, value), 0)
  let rank = 0
  for (; rank < n; rank++) {
    let pivot = -1
    for (let i = 0; i < n; i++) if (!done[i] && (pivot < 0 || diagonal[i]! > diagonal[pivot]!)) pivot = i
    if (!(diagonal[pivot]! > RANK_TOLERANCE * largest)) break
    done[pivot] = 1
    const root = Math.sqrt(diagonal[pivot]!)
    lower[pivot * n + rank] = root
    for (let i = 0; i < n; i++) {
      if (done[i]) continue
      const value = (m.values[i * n + pivot]! - inner(lower, i * n, pivot * n, rank)) / root
      lower[i * n + rank] = value
      diagonal[i] = diagonal[i]! - value * value
    }
  }
  let [least, most] = [0, 0]
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      if (done[i] || done[j]) continue
      const value = m.values[i * n + j]! - inner(lower, i * n, j * n, rank)
      if (i === j) least = Math.min(least, value)
      most = Math.max(most, Math.abs(value))
    }
  const rows = matrix(rank, n)
  for (let i = 0; i < n; i++) for (let k = 0; k < rank; k++) rows.values[k * n + i] = lower[i * n + k]!
  return { rows, left: { least, most } }
}

function inner(values: Float64Array, a: number, b: number, length: number): number {
  let [even, odd] = [0, 0]
  let k = 0
  for (; k + 1 < length; k += 2) {
    even += values[a + k]! * values[b + k]!
    odd += values[a + k + 1]! * values[b + k + 1]!
  }
  return k < length ? even + odd + values[a + k]! * values[b + k]! : even + odd
}

/** Eigenvalues of a symmetric matrix: Householder's tridiagonal form, then its QR steps (Golub & Van Loan, §8.3). */
export function symmetricEigenvalues(m: Matrix): Float64Array {
  const { diagonal, beside } = tridiagonal(m)
  return tridiagonalEigenvalues(diagonal, beside)
}

interface Tridiagonal {
  readonly diagonal: Float64Array
  /** The off-diagonal: beside[i] is the entry between i − 1 and i. */
  readonly beside: Float64Array
}

function tridiagonal(m: Matrix): Tridiagonal {
  const n = m.rows
  // Only the lower triangle is updated.
  const a = m.values.slice()
  const beside = new Float64Array(n)
  const [u, q] = [new Float64Array(n), new Float64Array(n)]
  for (let i = n - 1; i >= 1; i--) {
    const last = a[i * n + i - 1]!
    let rest = 0
    for (let k = 0; k < i - 1; k++) rest += a[i * n + k]! ** 2
    beside[i] = last
    if (rest === 0) continue
    const norm = Math.sqrt(rest + last * last)
    const target = last > 0 ? -norm : norm
    beside[i] = target
    for (let k = 0; k < i; k++) u[k] = a[i * n + k]!
    u[i - 1] = last - target
    const half = norm * norm - last * target
    q.fill(0, 0, i)
    for (let r = 0; r < i; r++) {
      const [row, factor] = [r * n, u[r]!]
      let sum = 0
      for (let c = 0; c < r; c++) {
        const value = a[row + c]!
        sum += value * u[c]!
        q[c] = q[c]! + value * factor
      }
      q[r] = q[r]! + sum + a[row + r]! * factor
    }
    let along = 0
    for (let k = 0; k < i; k++) {
      q[k] = q[k]! / half
      along += q[k]! * u[k]!
    }
    along /= 2 * half
    for (let k = 0; k < i; k++) q[k] = q[k]! - along * u[k]!
    for (let r = 0; r < i; r++) {
      const [row, x, y] = [r * n, u[r]!, q[r]!]
      for (let c = 0; c <= r; c++) a[row + c] = a[row + c]! - x * q[c]! - y * u[c]!
    }
  }
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), beside }
}

/** Implicit QR steps with Wilkinson's shift, starting at the end. */
function tridiagonalEigenvalues(d: Float64Array, e: Float64Array): Float64Array {
  const size = d.reduce((max, value, i) => Math.max(max, Math.abs(value), Math.abs(e[i]!)), 0)
  const negligible = Number.EPSILON * size
  let end = d.length - 1
  while (end > 0) {
    let start = end
    while (start > 0 && !(Math.abs(e[start]!) <= negligible)) start--
    if (start === end) {
      end--
      continue
    }
    const half = (d[end - 1]! - d[end]!) / 2
    const last = e[end]!
    const shift = d[end]! - last ** 2 / (half + (half < 0 ? -1 : 1) * Math.hypot(half, last))
    let [x, z] = [d[start]! - shift, e[start + 1]!]
    for (let k = start; k < end; k++) {
      const r = Math.hypot(x, z)
      const [c, s] = r === 0 ? [1, 0] : [x / r, z / r]
      if (k > start) e[k] = r
      const [low, between, high] = [d[k]!, e[k + 1]!, d[k + 1]!]
      d[k] = c * c * low + 2 * c * s * between + s * s * high
      d[k + 1] = s * s * low - 2 * c * s * between + c * c * high
      e[k + 1] = (high - low) * c * s + between * (c * c - s * s)
      x = e[k + 1]!
      if (k + 1 < end) {
        z = s * e[k + 2]!
        e[k + 2] = c * e[k + 2]!
      }
    }
  }
  return d
}

/** Sum of the singular values, ‖M‖_* = Σ √λ(MᵀM), of the smaller of the two Gram matrices. */
export function nuclearNorm(m: Matrix): number {
  const rows = m.rows < m.columns ? m : transposed(m)
  return symmetricEigenvalues(rowProducts(rows, rows)).reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0)
}
