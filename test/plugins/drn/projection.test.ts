import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { bicubicRows } from '../../../evaluators/data/images/bicubic.ts'

type Matrix = number[][]
const [SMALL, LARGE] = [16, 64]
/** Bicubic ¼ of 64 samples. */
const a: Matrix = bicubicRows(LARGE, SMALL, 1 / 4, 'symmetric').map(({ positions, weights }) => {
  const row = new Array<number>(LARGE).fill(0)
  positions.forEach((position, tap) => {
    row[position] = row[position]! + weights[tap]!
  })
  return row
})
const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
const times = (m: Matrix, x: readonly number[]) => m.map((row) => dot(row, x))
const transposed = (m: Matrix): Matrix => (m[0] as number[]).map((_, j) => m.map((row) => row[j] as number))
const minus = (x: readonly number[], y: readonly number[]) => x.map((value, i) => value - y[i]!)
const norm = (x: readonly number[]) => Math.sqrt(dot(x, x))
const at = transposed(a)
const gram: Matrix = a.map((row) => times(a, row))

/** Gaussian elimination with pivots. */
function solve(m: Matrix, right: readonly number[]): number[] {
  const rows = m.map((row, i) => [...row, right[i] as number])
  const n = rows.length
  for (let k = 0; k < n; k++) {
    let best = k
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]?.[k] as number) > Math.abs(rows[best]?.[k] as number)) best = i
    ;[rows[k], rows[best]] = [rows[best] as number[], rows[k] as number[]]
    const pivot = rows[k] as number[]
    for (let i = 0; i < n; i++) {
      if (i === k) continue
      const row = rows[i] as number[]
      const share = row[k]! / pivot[k]!
      for (let j = k; j <= n; j++) row[j] = row[j]! - share * pivot[j]!
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}
const pseudoInverse = (x: readonly number[]) => times(at, solve(gram, x))

/** Largest eigenvalue by repeated application. */
function largest(apply: (x: number[]) => number[]): number {
  let x = Array.from({ length: SMALL }, (_, i) => Math.cos(i + 1))
  let value = 0
  for (let i = 0; i < 3000; i++) {
    const y = apply(x)
    value = norm(y) / norm(x)
    x = y.map((entry) => entry / norm(y))
  }
  return value
}

describe('a known small image shrinks the space of large ones', () => {
  it('bicubic ¼ has singular values from 0.352166 to 0.5', () => {
    expect(Math.sqrt(largest((x) => times(gram, x)))).toBeCloseTo(0.5, 4)
    const reach = Math.sqrt(largest((x) => solve(gram, x)))
    expect(reach).toBeCloseTo(2.839573, 4)
    expect(1 / reach).toBeCloseTo(0.352166, 5)
  })

  it('projecting onto the images that explain it never leads away: ‖Πŷ − y‖² = ‖ŷ − y‖² − ‖A⁺A(ŷ − y)‖²', () => {
    const rng = seeded('projection')
    for (let trial = 0; trial < 10; trial++) {
      const y = Array.from({ length: LARGE }, () => 255 * rng.float())
      const guess = y.map((value) => value + 20 * rng.normal())
      const x = times(a, y)
      const projected = minus(guess, pseudoInverse(minus(times(a, guess), x)))
      times(a, projected).forEach((value, i) => {
        expect(value).toBeCloseTo(x[i] as number, 8)
      })
      const seen = pseudoInverse(times(a, minus(guess, y)))
      expect(norm(minus(projected, y)) ** 2).toBeCloseTo(norm(minus(guess, y)) ** 2 - norm(seen) ** 2, 6)
      expect(norm(minus(projected, y))).toBeLessThan(norm(minus(guess, y)))
    }
  })
})
