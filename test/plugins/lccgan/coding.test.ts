import {
  affineCode,
  approximated,
  type BasesOptions,
  basisObjective,
  basisStep,
  convexCode,
  learnBases,
  nearestBases,
  type Rows,
  rowsOf,
  type Smooth,
  sparseCode,
} from 'archloom/plugins/lccgan'
import { describe, expect, it } from 'vitest'
import { type Random, seeded } from '../../../core/random.ts'
import { approximationError, curve, parabola } from '../../../plugins/lccgan/experiment/orders.ts'
import { combination, dot, solvePositive, squaredDistance } from '../../../plugins/lccgan/rows.ts'

const cloud = (rng: Random, count: number, dimension: number): Rows =>
  Array.from({ length: count }, () => Float64Array.from({ length: dimension }, () => rng.normal()))
const total = (code: Float64Array) => code.reduce((sum, weight) => sum + weight, 0)
const close = (received: ArrayLike<number>, expected: ArrayLike<number>, digits = 6) => {
  expect(received.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) expect(received[i]).toBeCloseTo(expected[i] as number, digits)
}

describe('codes', () => {
  it('LO1 in closed form are barycentric coordinates inside a simplex', () => {
    const triangle = rowsOf([0, 0, 1, 0, 0, 1], 2)
    const inside = Float64Array.of(0.2, 0.3)
    const code = affineCode(inside, triangle, 1e-14)
    close(code, [0.5, 0.2, 0.3])
    close(combination(code, triangle), inside)
    close(affineCode(Float64Array.of(0.3), rowsOf([0, 1], 1), 1e-14), [0.7, 0.3])
  })

  it('LO1 sum to one, to rounding, on any bases; so do convex ones, none below 0', () => {
    const rng = seeded(1)
    for (let trial = 0; trial < 50; trial++) {
      const [point] = cloud(rng, 1, 3) as [Float64Array]
      const bases = cloud(rng, 2 + (trial % 6), 3)
      expect(Math.abs(total(affineCode(point, bases)) - 1)).toBeLessThan(1e-12)
      const convex = convexCode(point, bases, { locality: 0.1, exponent: 3 })
      expect(Math.abs(total(convex) - 1)).toBeLessThan(1e-12)
      for (const weight of convex) expect(weight).toBeGreaterThanOrEqual(0)
    }
  })

  it('LO2 do not change with shift, rotation and common scale; unconstrained ones do', () => {
    const rng = seeded(2)
    const [point] = cloud(rng, 1, 2) as [Float64Array]
    const bases = cloud(rng, 4, 2)
    const [cosine, sine] = [Math.cos(0.7), Math.sin(0.7)]
    const move = ([x = 0, y = 0]: ArrayLike<number> & Iterable<number>) =>
      Float64Array.of(3 * (cosine * x - sine * y) + 10, 3 * (sine * x + cosine * y) - 5)
    const moved = bases.map(move)
    close(affineCode(move(point), moved, 1e-6), affineCode(point, bases, 1e-6), 8)
    const free = { locality: 0, exponent: 2 } as const
    const shifted = bases.map((base) => base.map((value) => value + 10))
    close(
      convexCode(
        point.map((v) => v + 10),
        shifted,
        free,
      ),
      convexCode(point, bases, free),
      5,
    )
    const lasso = { locality: 0.05, exponent: 2 } as const
    const [before, after] = [
      sparseCode(point, bases, lasso),
      sparseCode(
        point.map((v) => v + 10),
        shifted,
        lasso,
      ),
    ]
    expect(Math.max(...before.map((weight, i) => Math.abs(weight - after[i]!)))).toBeGreaterThan(0.01)
  })

  it('LO4 without constraint meet the optimality conditions of a weighted lasso', () => {
    const rng = seeded(3)
    const locality = 0.08
    for (let trial = 0; trial < 10; trial++) {
      const [point] = cloud(rng, 1, 4) as [Float64Array]
      const bases = cloud(rng, 8, 4)
      const code = sparseCode(point, bases, { locality, exponent: 2 }, 20_000)
      const residual = combination(code, bases).map((value, k) => value - point[k]!)
      let zeros = 0
      for (const [m, base] of bases.entries()) {
        const [slope, bound] = [dot(residual, base), locality * squaredDistance(base, point)]
        const weight = code[m] as number
        if (weight === 0) {
          zeros++
          expect(Math.abs(slope)).toBeLessThanOrEqual(bound + 1e-7)
        } else expect(slope).toBeCloseTo(-bound * Math.sign(weight), 6)
      }
      expect(zeros).toBeGreaterThan(0)
    }
  })

  it('convex are optimal on the simplex: no used base has a steeper slope than another', () => {
    const rng = seeded(4)
    const [locality, exponent] = [0.02, 3] as const
    for (let trial = 0; trial < 10; trial++) {
      const [point] = cloud(rng, 1, 3) as [Float64Array]
      const bases = cloud(rng, 7, 3)
      const code = convexCode(point, bases, { locality, exponent })
      const residual = combination(code, bases).map((value, k) => value - point[k]!)
      const slopes = bases.map((base) => dot(residual, base) + locality * squaredDistance(base, point) ** 1.5)
      const least = Math.min(...slopes)
      for (const [m, slope] of slopes.entries()) if (code[m]! > 0) expect(slope).toBeCloseTo(least, 6)
    }
  })

  it('of identical bases are even, and finite wherever the point is', () => {
    const same = rowsOf([1, 2, 1, 2, 1, 2], 2)
    for (const point of [Float64Array.of(0, 0), Float64Array.of(1, 2)]) {
      close(affineCode(point, same), [1 / 3, 1 / 3, 1 / 3])
      const convex = convexCode(point, same, { locality: 0.1, exponent: 3 })
      expect(total(convex)).toBeCloseTo(1, 12)
      close(combination(convex, same), [1, 2])
    }
  })

  it('nearest bases come in order of distance; more than there are is ARCHLOOM_LCCGAN_TOO_FEW_BASES', () => {
    const bases = rowsOf([5, 1, 3, 1], 1)
    expect(nearestBases(Float64Array.of(0), bases, 3)).toEqual([1, 3, 2])
    expect(() => nearestBases(Float64Array.of(0), bases, 5)).toThrow(/ARCHLOOM_LCCGAN_TOO_FEW_BASES: 4 bases.*5/)
  })
})

describe('bases', () => {
  const setting = (exponent: 2 | 3) => {
    const rng = seeded(5)
    const points = cloud(rng, 12, 3)
    const codes = cloud(rng, 12, 4)
    const bases = cloud(rng, 4, 3)
    return { points, codes, bases, objective: { locality: 0.3, exponent, shrinkage: 0.05 } }
  }

  it('LO3 the basis step of q = 2 stands where the objective is flat', () => {
    const { points, codes, bases, objective } = setting(2)
    const solved = basisStep(points, codes, bases, objective).map((base) => base.slice())
    for (const base of solved)
      for (let k = 0; k < base.length; k++) {
        const at = base[k] as number
        const value = (shift: number) => {
          base[k] = at + shift
          const found = basisObjective(points, codes, solved, objective)
          base[k] = at
          return found
        }
        expect(Math.abs((value(1e-4) - value(-1e-4)) / 2e-4)).toBeLessThan(1e-8)
      }
  })

  it('LO3 and so does that of q = 3, repeated; the objective never rises on the way', () => {
    const { points, codes, bases, objective } = setting(3)
    let [current, last] = [bases, basisObjective(points, codes, bases, objective)]
    for (let step = 0; step < 60; step++) {
      current = basisStep(points, codes, current, objective)
      const now = basisObjective(points, codes, current, objective)
      expect(now).toBeLessThanOrEqual(last + 1e-12)
      last = now
    }
    const moved = current.map((base) => base.slice())
    const [first] = moved as [Float64Array]
    const at = first[0] as number
    first[0] = at + 1e-4
    const up = basisObjective(points, codes, moved, objective)
    first[0] = at - 1e-4
    expect(Math.abs((up - basisObjective(points, codes, moved, objective)) / 2e-4)).toBeLessThan(1e-4)
  })

  it.each(['none', 'convex'] as const)('LO3 alternation with exact %s codes on all bases never rises', (normalise) => {
    const points = cloud(seeded(6), 60, 3)
    const options: BasesOptions = { bases: 6, neighbours: 6, normalise, order: 1, locality: 0.1, rng: seeded(7) }
    const { objective, bases } = learnBases(points, { ...options, rounds: 8 })
    expect(bases).toHaveLength(6)
    for (const [i, value] of objective.slice(1).entries()) expect(value).toBeLessThanOrEqual(objective[i]! * (1 + 1e-9))
    expect(objective.at(-1)).toBeLessThan(0.9 * objective[0]!)
  })

  it('move with their points: bases of a shifted cloud are shifted', () => {
    const points = cloud(seeded(8), 80, 2)
    const shifted = points.map((point) => point.map((value) => value + 100))
    const learn = (own: Rows) => learnBases(own, { bases: 8, neighbours: 3, rounds: 3, rng: seeded(9) }).bases
    const there = learn(shifted)
    for (const [m, base] of learn(points).entries())
      close(
        there[m] as Float64Array,
        base.map((value) => value + 100),
        4,
      )
  })

  it('of cubes leave their points less far behind than those of squares, for the same codes', () => {
    const points = cloud(seeded(10), 80, 2)
    const start = cloud(seeded(11), 8, 2)
    const codes = points.map((point) => {
      const near = nearestBases(point, start, 3)
      const own = near.map((m) => start[m] as Float64Array)
      const code = new Float64Array(8)
      for (const [j, weight] of convexCode(point, own, { locality: 0.1, exponent: 2 }).entries())
        code[near[j] as number] = weight
      return code
    })
    const settled = (exponent: 2 | 3) => {
      let bases = start
      for (let step = 0; step < 40; step++)
        bases = basisStep(points, codes, bases, { locality: 10, exponent, shrinkage: 0 })
      return bases
    }
    const [squares, cubes] = [settled(2), settled(3)]
    const far = (bases: Rows, power: number) =>
      points.reduce(
        (sum, point, i) =>
          sum +
          bases.reduce((own, base, m) => own + (codes[i]?.[m] as number) * squaredDistance(base, point) ** power, 0),
        0,
      )
    expect(far(cubes, 1.5)).toBeLessThan(far(squares, 1.5))
    expect(far(cubes, 1)).toBeGreaterThan(far(squares, 1))
  })

  it('survive points that are all the same, and need as many points as bases', () => {
    const same = Array.from({ length: 20 }, () => Float64Array.of(1, -1))
    const { bases, objective } = learnBases(same, { bases: 5, neighbours: 3, rounds: 2, rng: seeded(12) })
    for (const base of bases) close(base, [1, -1])
    expect(objective.every(Number.isFinite)).toBe(true)
    expect(() => learnBases(same.slice(0, 4), { bases: 5, rng: seeded(1) })).toThrow(/ARCHLOOM_LCCGAN_POINTS.*4 points/)
  })

  it('bad settings have their codes', () => {
    const points = cloud(seeded(1), 10, 2)
    const learn = (options: Partial<BasesOptions>) => () => learnBases(points, { rng: seeded(1), bases: 4, ...options })
    expect(learn({ neighbours: 5 })).toThrow(/ARCHLOOM_LCCGAN_TOO_FEW_BASES/)
    expect(learn({ bases: 0 })).toThrow(/ARCHLOOM_OPTION.*bases" is 0/)
    expect(learn({ order: 3 as 2 })).toThrow(/ARCHLOOM_OPTION.*order" is 3/)
    expect(learn({ locality: Number.NaN })).toThrow(/ARCHLOOM_OPTION.*locality/)
    expect(learn({ normalise: 'softmax' as 'sum' })).toThrow(/ARCHLOOM_OPTION.*"none" or "sum" or "convex"/)
    expect(() => rowsOf([1, 2, 3], 2)).toThrow(/ARCHLOOM_LCCGAN_POINTS/)
    expect(() => rowsOf([1, Number.NaN], 2)).toThrow(/ARCHLOOM_LCCGAN_POINTS.*not finite/)
  })
})

it('linear systems are solved to rounding', () => {
  const rng = seeded(13)
  const rows = cloud(rng, 5, 5)
  const matrix = new Float64Array(25)
  for (let i = 0; i < 5; i++)
    for (let j = 0; j < 5; j++)
      matrix[i * 5 + j] = dot(rows[i] as Float64Array, rows[j] as Float64Array) + (i === j ? 1 : 0)
  const wanted = Float64Array.from({ length: 10 }, () => rng.normal())
  const right = new Float64Array(10)
  for (let i = 0; i < 5; i++)
    for (let c = 0; c < 2; c++)
      for (let k = 0; k < 5; k++) right[i * 2 + c] = right[i * 2 + c]! + matrix[i * 5 + k]! * wanted[k * 2 + c]!
  close(solvePositive(matrix.slice(), right, 5), wanted, 10)
})

describe('approximation by local coordinates', () => {
  const quadratic = (seed: number): Smooth => {
    const a = cloud(seeded(seed), 3, 3)
    const symmetric = (i: number, j: number) => ((a[i]?.[j] as number) + (a[j]?.[i] as number)) / 2
    const times = (h: Float64Array) =>
      Float64Array.from({ length: 3 }, (_, i) => h.reduce((sum, value, j) => sum + symmetric(i, j) * value, 0))
    return {
      value: (h) => Float64Array.of(dot(h, times(h)) / 2),
      along: (h, direction) => Float64Array.of(dot(direction, times(h))),
    }
  }

  it('LO5 of a quadratic: exact with the gradient term, and without it off by −½Σγ(v − h)ᵀA(v − h)', () => {
    const g = quadratic(14)
    const bases = cloud(seeded(15), 4, 3)
    const point = combination([0.4, 0.3, 0.2, 0.1], bases)
    const code = affineCode(point, bases, 1e-15)
    const exact = g.value(point)[0] as number
    expect(approximated(g, point, code, bases, 2)[0]).toBeCloseTo(exact, 8)
    const error = bases.reduce((sum, base, m) => {
      const offset = base.map((value, k) => value - point[k]!)
      return sum - code[m]! * (g.value(offset)[0] as number)
    }, 0)
    expect(exact - (approximated(g, point, code, bases, 1)[0] as number)).toBeCloseTo(error, 8)
    expect(Math.abs(error)).toBeGreaterThan(1e-3)
  })

  it('LO6 halving the spacing divides the error by 4, and by 8 with the gradient term', () => {
    for (const spacing of [0.125, 0.0625, 0.03125]) {
      const ratio = (order: 1 | 2) =>
        approximationError(curve, spacing, order, 1000) / approximationError(curve, spacing / 2, order, 1000)
      expect(ratio(1)).toBeGreaterThan(3.8)
      expect(ratio(1)).toBeLessThan(4.3)
      expect(ratio(2)).toBeGreaterThan(7.5)
      expect(ratio(2)).toBeLessThan(8.5)
    }
    expect(approximationError(parabola, 0.25, 2, 500)).toBeLessThan(1e-14)
    expect(approximationError(parabola, 0.25, 1, 500)).toBeGreaterThan(1e-3)
  })
})
