import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { columnsOfMoment } from '../../../plugins/dinas/factor.ts'
import { type Projector, projector } from '../../../plugins/dinas/projector.ts'

const gaussian = (count: number, label: string) => {
  const rng = seeded(label)
  return Float64Array.from({ length: count }, () => rng.normal())
}
const protecting = (d: number, columns: Float64Array, alpha: number): Projector => {
  const made = projector(d)
  made.protect(columns, alpha)
  return made
}
const norm = (v: ArrayLike<number>) => Math.hypot(...Array.from(v))
const times = (p: ArrayLike<number>, x: ArrayLike<number>, d: number) =>
  Float64Array.from({ length: d }, (_, i) => {
    let sum = 0
    for (let j = 0; j < d; j++) sum += p[i * d + j]! * x[j]!
    return sum
  })
/** A⁻¹ of [d, d], by Gauss–Jordan elimination with pivoting. */
function inverse(matrix: Float64Array, d: number): Float64Array {
  const rows = Array.from({ length: d }, (_, i) => [
    ...matrix.subarray(i * d, (i + 1) * d),
    ...Array.from({ length: d }, (_, j) => (i === j ? 1 : 0)),
  ])
  for (let c = 0; c < d; c++) {
    let best = c
    for (let r = c; r < d; r++) if (Math.abs(rows[r]?.[c] as number) > Math.abs(rows[best]?.[c] as number)) best = r
    ;[rows[c], rows[best]] = [rows[best] as number[], rows[c] as number[]]
    const pivot = rows[c] as number[]
    const scale = pivot[c] as number
    for (let j = 0; j < 2 * d; j++) pivot[j] = pivot[j]! / scale
    rows.forEach((row, r) => {
      const factor = row[c] as number
      if (r !== c && factor !== 0) for (let j = 0; j < 2 * d; j++) row[j] = row[j]! - factor * pivot[j]!
    })
  }
  return Float64Array.from(rows.flatMap((row) => row.slice(d)))
}
/** Σ xᵢ xᵢᵀ / aᵢ + shift · I. */
const precision = (d: number, columns: Float64Array, a: (i: number) => number, shift: number) => {
  const sum = new Float64Array(d * d)
  for (let n = 0; n < columns.length / d; n++)
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++) sum[i * d + j] = sum[i * d + j]! + (columns[n * d + i]! * columns[n * d + j]!) / a(n)
  for (let i = 0; i < d; i++) sum[i * d + i] = sum[i * d + i]! + shift
  return sum
}
const largestGap = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)))

describe('projector', () => {
  const d = 20
  const columns = gaussian(6 * d, 'columns')

  it.each([1, 0.1, 0.01])('DO1 equals its closed form α (α I + X Xᵀ)⁻¹ at α = %s', (alpha) => {
    const closed = inverse(
      precision(d, columns, () => alpha, 1),
      d,
    )
    expect(largestGap(protecting(d, columns, alpha).matrix, closed)).toBeLessThan(1e-12)
  })

  it('DO2 shrinks a protected input by α / (α + xᵀ P x)', () => {
    const before = protecting(d, columns, 0.3)
    const x = gaussian(d, 'x')
    const px = times(before.matrix, x, d)
    const quadratic = px.reduce((sum, value, i) => sum + value * x[i]!, 0)
    const after = projector(d)
    after.restore(before.matrix)
    after.protect(x, 0.05)
    const expected = px.map((value) => (value * 0.05) / (0.05 + quadratic))
    expect(largestGap(times(after.matrix, x, d), expected)).toBeLessThan(1e-12)
  })

  it('DO3 adds precisions where α varies: P⁻¹ = I + Σ x xᵀ / αᵢ', () => {
    const alphas = [1, 0.5, 0.1, 0.05, 0.01, 2]
    const made = projector(d)
    for (const [i, alpha] of alphas.entries()) made.protect(columns.subarray(i * d, (i + 1) * d), alpha)
    const wanted = precision(d, columns, (i) => alphas[i] as number, 1)
    const got = inverse(made.matrix.slice(), d)
    expect(largestGap(got, wanted) / norm(wanted)).toBeLessThan(1e-9)
  })

  it('DO4 is symmetric to the bit, has eigenvalues in (0, 1], and does not see the order of columns', () => {
    const { matrix } = protecting(d, columns, 0.01)
    for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) expect(matrix[i * d + j]).toBe(matrix[j * d + i])
    for (let trial = 0; trial < 50; trial++) {
      const v = gaussian(d, `v${trial}`)
      const rayleigh = times(matrix, v, d).reduce((sum, value, i) => sum + value * v[i]!, 0) / norm(v) ** 2
      expect(rayleigh).toBeGreaterThan(0)
      expect(rayleigh).toBeLessThanOrEqual(1)
    }
    // The extreme ones: of P by power iteration, of P⁻¹ by the precision's.
    let v = gaussian(d, 'power')
    for (let i = 0; i < 300; i++) {
      v = times(matrix, v, d)
      const size = norm(v)
      v = v.map((value) => value / size)
    }
    expect(norm(times(matrix, v, d))).toBeLessThanOrEqual(1 + 1e-12)
    const reversed = new Float64Array(columns.length)
    for (let n = 0; n < 6; n++) reversed.set(columns.subarray(n * d, (n + 1) * d), (5 - n) * d)
    expect(largestGap(protecting(d, reversed, 0.01).matrix, matrix)).toBeLessThan(1e-12)
  })

  /** α (Xᵀ X + α I)⁻¹ [6, 6]: its eigenvalues are α / (α + σ²), one for each direction of the columns. */
  const attenuation = (alpha: number) => {
    const rows = new Float64Array(columns.length)
    for (let n = 0; n < 6; n++) for (let i = 0; i < d; i++) rows[i * 6 + n] = columns[n * d + i] as number
    return inverse(
      precision(6, rows, () => alpha, 1),
      6,
    )
  }

  it('DO5 keeps trace(P) = d − n + Σ α / (α + σ²) for n independent columns', () => {
    const trace = (alpha: number) => protecting(d, columns, alpha).freedom * d
    for (const alpha of [1, 0.1, 0.01]) {
      const kept = attenuation(alpha)
      expect(trace(alpha)).toBeCloseTo(d - 6 + [0, 1, 2, 3, 4, 5].reduce((sum, n) => sum + kept[7 * n]!, 0), 10)
    }
    // 14.0056 is what one Gaussian draw of the same sizes gave; the exact value depends on the columns.
    expect(trace(0.01)).toBeGreaterThan(14)
    expect(trace(0.01)).toBeLessThan(14.02)
    expect(trace(1e-9)).toBeCloseTo(14, 6)
  })

  it('DO6 leaves of an increment on protected inputs no more than α / (α + σ²)', () => {
    const p = protecting(d, columns, 0.01)
    const gradient = gaussian(d * 7, 'gradient')
    const onColumns = (g: ArrayLike<number>) => {
      const out: number[] = []
      for (let n = 0; n < 6; n++)
        for (let o = 0; o < 7; o++) {
          let sum = 0
          for (let i = 0; i < d; i++) sum += columns[n * d + i]! * g[i * 7 + o]!
          out.push(sum)
        }
      return norm(out)
    }
    const left = onColumns(p.project(gradient)) / onColumns(gradient)
    const kept = attenuation(0.01)
    let direction = new Float64Array(6).fill(1)
    for (let i = 0; i < 500; i++) {
      direction = times(kept, direction, 6)
      const size = norm(direction)
      direction = direction.map((value) => value / size)
    }
    expect(left).toBeLessThanOrEqual(norm(times(kept, direction, 6)) * (1 + 1e-9))
    expect(left).toBeGreaterThan(0)
    const px = Array.from({ length: 6 }, (_, n) => norm(times(p.matrix, columns.subarray(n * d, (n + 1) * d), d)))
    expect(left).toBeLessThan(2e-3)
    expect(norm(px) / norm(columns)).toBeLessThan(1.5e-3)
  })

  it('DO9 never turns a gradient against itself: ⟨G, P G⟩ ≥ 0', () => {
    const p = protecting(d, gaussian(60 * d, 'many'), 1e-3)
    for (let trial = 0; trial < 30; trial++) {
      const g = gaussian(d * 3, `g${trial}`)
      expect(p.project(g).reduce((sum, value, i) => sum + value * g[i]!, 0)).toBeGreaterThanOrEqual(0)
    }
  })

  it('DO10 is the identity before anything is protected, bit for bit, and after a whole release', () => {
    const p = projector(d)
    const g = gaussian(d * 3, 'g')
    expect(p.free).toBe(true)
    expect(p.freedom).toBe(1)
    expect([...p.project(g)]).toEqual([...g])
    p.protect(columns, 0.1)
    expect(p.free).toBe(false)
    const freedom = p.freedom
    p.release(0.25)
    expect(p.freedom).toBeCloseTo(0.75 * freedom + 0.25, 12)
    p.release(1)
    expect([...p.project(g)]).toEqual([...g])
  })

  it('D7 loses capacity column by column and never gains any', () => {
    const p = projector(8)
    let before = 1
    for (let i = 0; i < 200; i++) {
      p.protect(gaussian(8, `c${i}`), 1)
      expect(p.freedom).toBeLessThan(before)
      before = p.freedom
    }
    expect(before).toBeLessThan(0.02)
  })

  it('refuses what would spoil it, and stays as it was', () => {
    const p = protecting(4, gaussian(8, 'before'), 1)
    const before = [...p.matrix]
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => p.protect([1, 2, 3, 4, 5, bad, 7, 8], 1)).toThrow('ARCHLOOM_PROJECTOR_COLUMN')
    expect(() => p.protect([1, 2, 3], 1)).toThrow('ARCHLOOM_PROJECTOR_DIMENSION')
    expect(() => p.project([1, 2, 3])).toThrow('ARCHLOOM_PROJECTOR_DIMENSION')
    for (const alpha of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => p.protect([1, 2, 3, 4], alpha)).toThrow('ARCHLOOM_PROJECTOR_ALPHA')
    expect(() => p.restore([1, 2])).toThrow('ARCHLOOM_PROJECTOR_STATE')
    expect(() => p.restore(new Float64Array(16).fill(Number.NaN))).toThrow('ARCHLOOM_PROJECTOR_STATE')
    expect(() => p.release(2)).toThrow('ARCHLOOM_OPTION')
    expect(() => projector(0)).toThrow('ARCHLOOM_OPTION')
    expect([...p.matrix]).toEqual(before)
  })
})

describe('columns of a second moment', () => {
  const d = 12
  it.each([5, 12, 40])('have the second moment of %s rows', (n) => {
    const rows = gaussian(n * d, `rows${n}`)
    const moment = precision(d, rows, () => 1, 0)
    const columns = columnsOfMoment(moment.slice(), d)
    expect(columns.length / d).toBe(Math.min(n, d))
    expect(
      largestGap(
        precision(d, columns, () => 1, 0),
        moment,
      ),
    ).toBeLessThan(1e-6 * norm(moment))
    expect(largestGap(protecting(d, columns, 0.1).matrix, protecting(d, rows, 0.1).matrix)).toBeLessThan(1e-6)
  })

  it('take the largest directions first where the rank is cut', () => {
    const moment = new Float64Array(9)
    moment.set([1, 0, 0, 0, 9, 0, 0, 0, 4])
    expect([...columnsOfMoment(moment, 3, 2)]).toEqual([0, 3, 0, 0, 0, 2])
  })
})
