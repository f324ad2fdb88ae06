/** A dense real matrix, row-major, in float64: covariances are differences of large numbers. */
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

export function product(a: Matrix, b: Matrix): Matrix {
  const out = matrix(a.rows, b.columns)
  for (let i = 0; i < a.rows; i++)
    for (let k = 0; k < a.columns; k++) {
      const factor = a.values[i * a.columns + k] as number
      for (let j = 0; j < b.columns; j++) {
        const at = i * b.columns + j
        out.values[at] = (out.values[at] as number) + factor * (b.values[k * b.columns + j] as number)
      }
    }
  return out
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

export interface Eigen {
  readonly values: Float64Array
  /** Eigenvectors in columns. */
  readonly vectors: Matrix
}

/** Eigenvalues and -vectors of a symmetric matrix by cyclic Jacobi rotations (Golub & Van Loan, §8.5). */
export function symmetricEigen(symmetric: Matrix): Eigen {
  const n = symmetric.rows
  const a = symmetric.values.slice()
  const vectors = matrix(n, n)
  for (let i = 0; i < n; i++) vectors.values[i * n + i] = 1
  const scale = a.reduce((sum, value) => sum + value * value, 0)
  const rotate = (m: Float64Array, at: number, to: number, step: number, c: number, s: number) => {
    for (let k = 0; k < n; k++) {
      const [i, j] = [at + k * step, to + k * step]
      const [x, y] = [m[i] as number, m[j] as number]
      m[i] = c * x - s * y
      m[j] = s * x + c * y
    }
  }
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += (a[p * n + q] as number) ** 2
    if (off <= 1e-30 * scale) break
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q] as number
        if (apq === 0) continue
        const theta = ((a[q * n + q] as number) - (a[p * n + p] as number)) / (2 * apq)
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
        const c = 1 / Math.sqrt(t * t + 1)
        const s = t * c
        rotate(a, p, q, n, c, s)
        rotate(a, p * n, q * n, 1, c, s)
        rotate(vectors.values, p, q, n, c, s)
      }
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i] as number), vectors }
}

/** V·f(λ)·Vᵀ. */
export function spectral({ values, vectors }: Eigen, f: (eigenvalue: number) => number): Matrix {
  const n = values.length
  const scaled = matrix(n, n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      scaled.values[i * n + j] = (vectors.values[i * n + j] as number) * f(values[j] as number)
  return product(scaled, transposed(vectors))
}

/** Sum of the singular values, ‖M‖_* = Σ √λ(MᵀM), of the smaller of the two Gram matrices. */
export function nuclearNorm(m: Matrix): number {
  const gram = m.rows < m.columns ? product(m, transposed(m)) : product(transposed(m), m)
  return symmetricEigen(gram).values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0)
}
