import {
  assignment,
  exactTransport,
  gaussianTransport,
  linearTransport,
  momentsOf,
  type Points,
  pointsOf,
  slicedTransport,
} from 'archloom/evaluators/metrics/transport'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../../core/random.ts'

const cloud = (n: number, dimension: number, seed: number | string): number[][] => {
  const rng = seeded(seed)
  return Array.from({ length: n }, () => Array.from({ length: dimension }, () => rng.normal()))
}

/** The cheapest of all permutations. */
function bruteForce(costs: Float64Array, n: number): number {
  const visit = (row: number, used: number): number => {
    if (row === n) return 0
    let best = Number.POSITIVE_INFINITY
    for (let j = 0; j < n; j++)
      if (!(used & (1 << j))) best = Math.min(best, costs[row * n + j]! + visit(row + 1, used | (1 << j)))
    return best
  }
  return visit(0, 0)
}

describe('W₂² between Gaussians in closed form', () => {
  it('JO1 has the values of the oracle', () => {
    const of = (mean: number[], covariance: number[][]) => ({ mean, covariance })
    expect(gaussianTransport(of([0], [[1]]), of([3], [[4]]))).toBeCloseTo(10, 12)
    const diagonal = (a: number, b: number) => [
      [a, 0],
      [0, b],
    ]
    expect(gaussianTransport(of([0, 0], diagonal(1, 4)), of([1, 2], diagonal(9, 1)))).toBeCloseTo(10, 12)
    const first = [
      [2, 1],
      [1, 2],
    ]
    expect(gaussianTransport(of([0, 0], first), of([0, 0], diagonal(3, 1)))).toBeCloseTo(0.516685226452, 11)
    const third = [
      [1, -0.5],
      [-0.5, 1],
    ]
    expect(gaussianTransport(of([0, 0], first), of([0, 0], third))).toBeCloseTo(1.101020514434, 11)
  })

  it('is 0 of a Gaussian with itself, degenerate ones too, and symmetric', () => {
    const flat = {
      mean: [1, 2],
      covariance: [
        [1, 1],
        [1, 1],
      ],
    }
    expect(gaussianTransport(flat, flat)).toBeCloseTo(0, 7)
    const [a, b] = [momentsOf(cloud(50, 6, 1)), momentsOf(cloud(40, 6, 2))]
    expect(gaussianTransport(a, b)).toBeGreaterThan(0.01)
    expect(gaussianTransport(a, b)).toBeCloseTo(gaussianTransport(b, a), 10)
  })

  it('JO3 joint laws of rotations: 8 (1 − |cos(δ/2)|)', () => {
    const rotation = (angle: number) => [
      [Math.cos(angle), -Math.sin(angle)],
      [Math.sin(angle), Math.cos(angle)],
    ]
    const identity = rotation(0)
    const table = { 0.25: 0.0624187, 0.5: 0.2487006, 1: 0.9793395, 2: 3.6775816, [Math.PI]: 8 }
    for (const [angle, expected] of Object.entries(table)) {
      const [forward, backward] = [rotation(0.3), rotation(Number(angle) - 0.3)]
      // (u, f(u)) and (g(u), u); the net rotation of g∘f is δ.
      const value = linearTransport([...identity, ...forward], [...backward, ...identity])
      expect(value).toBeCloseTo(8 * (1 - Math.abs(Math.cos(Number(angle) / 2))), 10)
      expect(value).toBeCloseTo(expected, 6)
    }
  })

  it('agrees with the nuclear-norm form where both apply', () => {
    const [a, b] = [cloud(3, 3, 5), cloud(3, 3, 6)]
    const gram = (m: number[][]) =>
      m.map((row) => m.map((other) => row.reduce((s, x, k) => s + x * (other[k] ?? 0), 0)))
    const of = (m: number[][]) => ({ mean: [0, 0, 0], covariance: gram(m) })
    expect(linearTransport(a, b)).toBeCloseTo(gaussianTransport(of(a), of(b)), 9)
  })

  it('refuses a matrix that is not a covariance', () => {
    const good = {
      mean: [0, 0],
      covariance: [
        [1, 0],
        [0, 1],
      ],
    }
    const refused = (covariance: number[][]) => () => gaussianTransport(good, { mean: [0, 0], covariance })
    expect(
      refused([
        [1, 2],
        [2, 1],
      ]),
    ).toThrow(/ARCHLOOM_TRANSPORT_COVARIANCE.*eigenvalue -0.999/)
    expect(
      refused([
        [1, 0.5],
        [0, 1],
      ]),
    ).toThrow(/ARCHLOOM_TRANSPORT_COVARIANCE.*not symmetric/)
    expect(refused([[1, 0]])).toThrow(/ARCHLOOM_TRANSPORT_COVARIANCE.*1 rows of 2/)
    expect(() => linearTransport([[1]], [[1], [2]])).toThrow(/ARCHLOOM_TRANSPORT_COVARIANCE/)
  })
})

describe('exact assignment', () => {
  it('JO5 is the cheapest of all permutations, on 200 random matrices', () => {
    const rng = seeded('assignment')
    for (let run = 0; run < 200; run++) {
      const n = 1 + rng.int(7)
      const whole = run % 2 === 0 // ties
      const costs = Float64Array.from({ length: n * n }, () => (whole ? rng.int(4) - 1 : rng.normal()))
      const { columns, cost } = assignment(costs, n)
      expect(new Set(columns).size).toBe(n)
      expect(cost).toBeCloseTo(bruteForce(costs, n), 10)
    }
  })

  it('leaves columns over where there are more of them than rows', () => {
    const { columns, cost } = assignment(Float64Array.from([5, 1, 9, 7, 2, 8]), 2, 3)
    expect([...columns]).toEqual([0, 1])
    expect(cost).toBe(7)
    const second = assignment(Float64Array.from([5, 1, 9, 7, 2, 3]), 2, 3)
    expect([...second.columns]).toEqual([1, 2])
  })

  it('refuses what it cannot solve', () => {
    expect(() => assignment(new Float64Array(5), 2)).toThrow(/ARCHLOOM_TRANSPORT_COST.*5 costs/)
    expect(() => assignment(new Float64Array(2), 2, 1)).toThrow(/ARCHLOOM_TRANSPORT_COST/)
    expect(() => assignment(Float64Array.from([1, Number.NaN, 1, 1]), 2)).toThrow(/ARCHLOOM_TRANSPORT_COST.*NaN/)
  })
})

describe('optimal transport between samples', () => {
  it('JO5 on a line pairs sorted values', () => {
    const [a, b] = [cloud(60, 1, 1), cloud(60, 1, 2)]
    const sorted = (points: number[][]) => points.map(([x = 0]) => x).sort((p, q) => p - q)
    const [x, y] = [sorted(a), sorted(b)]
    const mean = x.reduce((sum, value, i) => sum + (value - (y[i] ?? 0)) ** 2, 0) / x.length
    expect(exactTransport(a, b).cost).toBeCloseTo(mean, 12)
    expect(slicedTransport(a, b, { rng: seeded(1), lines: 3 })).toBeCloseTo(mean, 12)
  })

  it('JO5 is a metric: symmetric, triangle inequality, 0 for equal multisets only', () => {
    const [a, b, c] = [cloud(30, 3, 1), cloud(30, 3, 2), cloud(30, 3, 3)]
    for (const cost of ['euclidean', 'manhattan'] as const) {
      const w = (p: Points, q: Points) => exactTransport(p, q, cost).cost
      expect(w(a, b)).toBeCloseTo(w(b, a), 12)
      expect(w(a, c)).toBeLessThanOrEqual(w(a, b) + w(b, c))
      expect(w(a, seeded(4).shuffle(a))).toBe(0)
    }
    const root = (p: Points, q: Points) => Math.sqrt(exactTransport(p, q).cost)
    expect(root(a, c)).toBeLessThanOrEqual(root(a, b) + root(b, c))
  })

  it('JO5 a shift by t from equal means adds ‖t‖²', () => {
    const [a, other] = [cloud(40, 3, 1), cloud(40, 3, 2)]
    const mean = (points: number[][], k: number) => points.reduce((sum, p) => sum + (p[k] ?? 0), 0) / points.length
    const b = other.map((point) => point.map((value, k) => value - mean(other, k) + mean(a, k)))
    const shift = [1, -2, 0.5]
    const moved = b.map((point) => point.map((value, k) => value + (shift[k] ?? 0)))
    expect(exactTransport(a, moved).cost).toBeCloseTo(exactTransport(a, b).cost + 5.25, 9)
    const copy = a.map((point) => point.map((value, k) => value + (shift[k] ?? 0)))
    const sliced = slicedTransport(a, copy, { rng: seeded(1), lines: 20_000 })
    expect(sliced).toBeGreaterThan((5.25 / 3) * 0.97)
    expect(sliced).toBeLessThan((5.25 / 3) * 1.03)
  })

  it('large samples of Gaussians approach the closed form', () => {
    const [a, b] = [cloud(300, 2, 1), cloud(300, 2, 2).map(([x = 0, y = 0]) => [3 * x + 1, 0.5 * y])]
    const closed = gaussianTransport(momentsOf(a), momentsOf(b))
    // W₂² of N(0, I) and N((1, 0), diag(9, ¼)) is 1 + 4 + ¼; samples of 300 scatter by about 0.7.
    expect(Math.abs(closed - 5.25)).toBeLessThan(2)
    const exact = exactTransport(a, b).cost
    expect(exact).toBeGreaterThan(closed * 0.999) // Gelbrich's bound, for the moments of the samples
    expect(exact - closed).toBeLessThan(0.3)
  })

  it('cuts a tensor in points', () => {
    expect(pointsOf(Float32Array.from([1, 2, 3, 4]), 2).map((point) => Array.from(point))).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(() => pointsOf(Float32Array.from([1, 2, 3]), 2)).toThrow(/ARCHLOOM_TRANSPORT_POINTS/)
  })

  it.each([
    ['clouds of different size', cloud(3, 2, 1), cloud(4, 2, 1)],
    ['different dimensions', cloud(3, 2, 1), cloud(3, 1, 1)],
    ['an empty cloud', cloud(3, 2, 1), []],
    ['points that are not finite', cloud(1, 2, 1), [[1, Number.NaN]]],
  ])('refuses %s with ARCHLOOM_TRANSPORT_POINTS', (_, a, b) => {
    expect(() => exactTransport(a, b)).toThrow(/ARCHLOOM_TRANSPORT_POINTS/)
    expect(() => slicedTransport(a, b, { rng: seeded(1) })).toThrow(/ARCHLOOM_TRANSPORT_POINTS/)
  })

  it('refuses no lines, and moments of one point', () => {
    const [a] = [cloud(3, 2, 1)]
    expect(() => slicedTransport(a, a, { rng: seeded(1), lines: 0 })).toThrow(/ARCHLOOM_OPTION/)
    expect(() => momentsOf(cloud(1, 2, 1))).toThrow(/ARCHLOOM_TRANSPORT_POINTS.*one point/)
  })
})

describe('covariances of many features', () => {
  /** The same distance from eigenvalues by plain Jacobi rotations. */
  const jacobi = (m: number[][]): { values: number[]; vectors: number[][] } => {
    const n = m.length
    const a = m.map((row) => [...row])
    const v: number[][] = m.map((_, i) => m.map((__, j) => (i === j ? 1 : 0)))
    for (let sweep = 0; sweep < 40; sweep++)
      for (let p = 0; p < n; p++)
        for (let q = p + 1; q < n; q++) {
          if (a[p]![q] === 0) continue
          const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!)
          const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1))
          const c = 1 / Math.hypot(t, 1)
          const s = t * c
          for (let k = 0; k < n; k++) {
            const [x, y] = [a[k]![p]!, a[k]![q]!]
            a[k]![p] = c * x - s * y
            a[k]![q] = s * x + c * y
          }
          for (let k = 0; k < n; k++) {
            const [x, y] = [a[p]![k]!, a[q]![k]!]
            a[p]![k] = c * x - s * y
            a[q]![k] = s * x + c * y
            const [z, w] = [v[k]![p]!, v[k]![q]!]
            v[k]![p] = c * z - s * w
            v[k]![q] = s * z + c * w
          }
        }
    return { values: a.map((row, i) => row[i]!), vectors: v }
  }
  const times = (a: number[][], b: number[][]) =>
    a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)))
  const reference = (a: ReturnType<typeof momentsOf>, b: ReturnType<typeof momentsOf>) => {
    const [first, second] = [a, b].map(({ covariance }) => covariance.map((row) => Array.from(row))) as [number[][], number[][]] // biome-ignore format: one line
    const { values, vectors } = jacobi(first)
    const n = values.length
    const root = vectors.map((row) =>
      Array.from({ length: n }, (_, j) =>
        row.reduce((sum, value, k) => sum + value * Math.sqrt(Math.max(0, values[k]!)) * vectors[j]![k]!, 0),
      ),
    )
    const inner = times(times(root, second), root)
    const cross = jacobi(inner.map((row, i) => row.map((value, j) => (value + inner[j]![i]!) / 2))).values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0) // biome-ignore format: one line
    const trace = (m: number[][]) => m.reduce((sum, row, i) => sum + row[i]!, 0)
    const means = Array.from(a.mean).reduce((sum, value, i) => sum + (value - b.mean[i]!) ** 2, 0)
    return means + trace(first) + trace(second) - 2 * cross
  }

  it.each([2, 3, 7, 20, 33])('of %d features give the distance of eigenvalues by rotations', (dimension) => {
    const [a, b] = [1, 2].map((seed) => momentsOf(cloud(3 * dimension, dimension, seed) as never)) as [ReturnType<typeof momentsOf>, ReturnType<typeof momentsOf>] // biome-ignore format: one line
    expect(Math.abs(gaussianTransport(a, b) - reference(a, b))).toBeLessThan(1e-8)
    expect(gaussianTransport(a, a)).toBeLessThan(1e-8)
  })

  it('of fewer points than features are of low rank', () => {
    const dimension = 30
    const [a, b] = [1, 2].map((seed) => momentsOf(cloud(8, dimension, seed) as never)) as [ReturnType<typeof momentsOf>, ReturnType<typeof momentsOf>] // biome-ignore format: one line
    expect(Math.abs(gaussianTransport(a, b) - reference(a, b))).toBeLessThan(1e-5)
    expect(gaussianTransport(a, b)).toBeCloseTo(gaussianTransport(b, a), 6)
  })

  it.skipIf(!process.env.ARCHLOOM_SLOW)(
    'take at most a minute of processor time for 2,048 of them',
    () => {
      const dimension = 2048
      const [a, b] = [1, 2].map((seed) => momentsOf(cloud(dimension + 100, dimension, seed) as never)) as [ReturnType<typeof momentsOf>, ReturnType<typeof momentsOf>] // biome-ignore format: one line
      const before = process.cpuUsage()
      expect(gaussianTransport(a, b)).toBeGreaterThan(0)
      const { user, system } = process.cpuUsage(before)
      expect((user + system) / 1e6).toBeLessThan(60)
    },
    1_800_000,
  )
})
