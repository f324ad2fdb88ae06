import { type Border, bicubicRows } from '../../../evaluators/data/images/bicubic.ts'

/** Dense, row-major. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

export const matrix = (rows: number, columns: number, at: (i: number, j: number) => number): Matrix => ({
  rows,
  columns,
  values: Float64Array.from({ length: rows * columns }, (_, k) => at(Math.floor(k / columns), k % columns)),
})

export const transposed = ({ rows, columns, values }: Matrix): Matrix =>
  matrix(columns, rows, (i, j) => values[j * columns + i] as number)

export function product(a: Matrix, b: Matrix): Matrix {
  const values = new Float64Array(a.rows * b.columns)
  for (let i = 0; i < a.rows; i++)
    for (let k = 0; k < a.columns; k++) {
      const factor = a.values[i * a.columns + k] as number
      if (factor === 0) continue
      const [from, to] = [k * b.columns, i * b.columns]
      for (let j = 0; j < b.columns; j++) values[to + j] = values[to + j]! + factor * b.values[from + j]!
    }
  return { rows: a.rows, columns: b.columns, values }
}

/** Inverse of a symmetric positive definite matrix: Gauss–Jordan, no pivots needed. */
function inverse({ rows: n, values }: Matrix): Matrix {
  const left = Float64Array.from(values)
  const right = matrix(n, n, (i, j) => (i === j ? 1 : 0)).values
  for (let k = 0; k < n; k++) {
    const pivot = left[k * n + k] as number
    for (const side of [left, right]) for (let j = 0; j < n; j++) side[k * n + j] = side[k * n + j]! / pivot
    for (let i = 0; i < n; i++) {
      const factor = left[i * n + k] as number
      if (i === k || factor === 0) continue
      for (const side of [left, right])
        for (let j = 0; j < n; j++) side[i * n + j] = side[i * n + j]! - factor * side[k * n + j]!
    }
  }
  return { rows: n, columns: n, values: right }
}

/** Bicubic shrinking of one axis, and its pseudo-inverse A⁺ = Aᵀ(AAᵀ)⁻¹. */
export function shrinking(inputs: number, scale: number, border: Border = 'symmetric') {
  const outputs = inputs / scale
  const values = new Float64Array(outputs * inputs)
  bicubicRows(inputs, outputs, 1 / scale, border).forEach(({ positions, weights }, row) => {
    positions.forEach((position, tap) => {
      values[row * inputs + position] = values[row * inputs + position]! + weights[tap]!
    })
  })
  const shrink: Matrix = { rows: outputs, columns: inputs, values }
  const back = transposed(shrink)
  return { shrink, enlarge: product(back, inverse(product(shrink, back))) }
}

export interface Projection {
  /** ‖ŷ − y‖², ‖Πŷ − y‖² and ‖A⁺A(ŷ − y)‖²: the first is the sum of the others. */
  readonly before: number
  readonly after: number
  readonly removed: number
  /** Largest distance between the projected image, made small, and the small image. */
  readonly inconsistency: number
}

const squares = ({ values }: Matrix) => values.reduce((sum, value) => sum + value * value, 0)
const difference = (a: Matrix, b: Matrix): Matrix => ({
  ...a,
  values: a.values.map((value, i) => value - b.values[i]!),
})

/**
 * Projects one channel of an enlargement onto the images that the true degradation takes to the small one:
 * Πŷ = ŷ + A⁺(Ay − Aŷ), A = Aᵥ ⊗ Aₕ. The truth is one of them, so the distance to it cannot grow (Pythagoras).
 */
export function projection(guess: Matrix, truth: Matrix, scale: number): Projection {
  const [down, across] = [shrinking(guess.rows, scale), shrinking(guess.columns, scale)]
  const small = (image: Matrix) => product(product(down.shrink, image), transposed(across.shrink))
  const large = (image: Matrix) => product(product(down.enlarge, image), transposed(across.enlarge))
  const error = difference(guess, truth)
  const seen = large(small(error))
  const projected = difference(guess, seen)
  const gap = difference(small(projected), small(truth)).values
  return {
    before: squares(error),
    after: squares(difference(projected, truth)),
    removed: squares(seen),
    inconsistency: gap.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  }
}
