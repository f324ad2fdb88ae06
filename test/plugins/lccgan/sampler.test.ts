import { affineCode, gaussianSampler, type LccSamplerOptions, lccSampler, rowsOf } from 'archloom/plugins/lccgan'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { learnBases } from '../../../plugins/lccgan/index.ts'
import { type Rows, squaredDistance } from '../../../plugins/lccgan/rows.ts'

const circle = (count: number, centre = 0): Rows =>
  Array.from({ length: count }, (_, i) => {
    // Not quite evenly: no two neighbours are equally far.
    const angle = (2 * Math.PI * i) / count + 0.03 * Math.sin(3 * i)
    return Float64Array.of(centre + Math.cos(angle), centre + Math.sin(angle))
  })
const sampler = (options: Partial<LccSamplerOptions> = {}) =>
  lccSampler({ bases: circle(12), neighbours: 3, ...options })

describe('LCC sampling', () => {
  it('LO7 a code has d weights, the anchor first, then the nearest bases', () => {
    const rng = seeded(1)
    for (let i = 0; i < 100; i++) {
      const { anchor, neighbours, weights } = sampler().drawCode(rng)
      expect(weights).toHaveLength(3)
      expect(weights.every((weight) => weight !== 0)).toBe(true)
      expect(neighbours[0]).toBe(anchor)
      expect(new Set(neighbours.slice(1))).toEqual(new Set([(anchor + 1) % 12, (anchor + 11) % 12]))
    }
  })

  it('LO7 anchors are uniform (χ²)', () => {
    const rng = seeded(2)
    const counts = new Array<number>(12).fill(0)
    for (let i = 0; i < 2400; i++) {
      const { anchor } = sampler().drawCode(rng)
      counts[anchor] = counts[anchor]! + 1
    }
    const statistic = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0)
    // 0.999 quantile of χ² with 11 degrees of freedom.
    expect(statistic).toBeLessThan(31.26)
  })

  it('LO7 codes obey their form, and inputs are what codes say of the bases', () => {
    for (const normalise of ['none', 'sum', 'convex'] as const) {
      const own = sampler({ normalise })
      const rng = seeded(3)
      const code = own.drawCode(rng)
      const [x = 0, y = 0] = own.draw(1, seeded(3))
      const [u, v] = [0, 1].map((k) =>
        code.neighbours.reduce((sum, m, j) => sum + code.weights[j]! * (own.bases[m]?.[k] as number), 0),
      )
      expect(x).toBeCloseTo(u as number, 5)
      expect(y).toBeCloseTo(v as number, 5)
      const sums = Array.from({ length: 50 }, () => own.drawCode(rng).weights.reduce((a, b) => a + b, 0))
      if (normalise === 'none') expect(sums.some((sum) => Math.abs(sum - 1) > 0.1)).toBe(true)
      else for (const sum of sums) expect(sum).toBeCloseTo(1, 8)
      if (normalise === 'convex') expect(Math.min(...own.drawCode(rng).weights)).toBeGreaterThanOrEqual(0)
    }
  })

  it('LO7 convex inputs lie in the hull of their neighbourhood, and move with a shift of the bases; released ones do not', () => {
    const moved = (normalise: 'none' | 'convex') => {
      const here = sampler({ normalise }).draw(20, seeded(4))
      const there = sampler({ normalise, bases: circle(12, 5) }).draw(20, seeded(4))
      return Math.max(...here.map((value, i) => Math.abs(there[i]! - value - 5)))
    }
    expect(moved('convex')).toBeLessThan(1e-5)
    expect(moved('none')).toBeGreaterThan(1)
    const rng = seeded(5)
    const own = sampler()
    for (let i = 0; i < 20; i++) {
      const { neighbours } = own.drawCode(rng.fork(i))
      const point = Float64Array.from(own.draw(1, rng.fork(i)))
      const weights = affineCode(
        point,
        neighbours.map((m) => own.bases[m] as Float64Array),
        1e-14,
      )
      for (const weight of weights) expect(weight).toBeGreaterThan(-1e-4)
    }
  })

  it('stays on a noisy circle only with convex codes (experiment 2 of the analysis)', () => {
    const rng = seeded(6)
    const points = rowsOf(
      Float64Array.from({ length: 600 }, () => 0).map((_, i) => {
        const angle = (2 * Math.PI * (i >> 1)) / 300
        return 3 + (1 + 0.02 * rng.normal()) * (i % 2 ? Math.sin(angle) : Math.cos(angle))
      }),
      2,
    )
    const { bases } = learnBases(points, { bases: 24, neighbours: 2, order: 1, rng: seeded(7) })
    const near = (normalise: 'none' | 'convex') => {
      const drawn = lccSampler({ bases, neighbours: 2, normalise }).draw(500, seeded(8))
      const distances = Array.from({ length: 500 }, (_, i) =>
        Math.abs(Math.hypot(drawn[2 * i]! - 3, drawn[2 * i + 1]! - 3) - 1),
      )
      return distances.filter((distance) => distance < 0.05).length / 500
    }
    expect(near('convex')).toBeGreaterThan(0.95)
    expect(near('none')).toBeLessThan(0.2)
  })

  it('walks from neighbourhood to neighbourhood: every stop is near the circle', () => {
    const walk = sampler().walk(30, seeded(9))
    for (let i = 0; i < 30; i++)
      expect(Math.hypot(walk[2 * i] as number, walk[2 * i + 1] as number)).toBeGreaterThan(0.8)
    expect(sampler().walk(1, seeded(9))).toHaveLength(2)
  })

  it('knows identical bases, d = 1 and d = M', () => {
    const same = lccSampler({ bases: [1, 1, 1].map((x) => Float64Array.of(x, 2)), neighbours: 2 })
    expect([...same.draw(2, seeded(10))].map((x) => Math.round(1e5 * x) / 1e5)).toEqual([1, 2, 1, 2])
    expect(new Set(Array.from({ length: 50 }, (_, i) => same.drawCode(seeded(i)).anchor)).size).toBe(3)
    const { anchor, weights } = sampler({ neighbours: 1 }).drawCode(seeded(11))
    expect([...weights]).toEqual([1])
    expect(anchor).toBeLessThan(12)
    expect(sampler({ neighbours: 12 }).drawCode(seeded(12)).weights).toHaveLength(12)
  })

  it('refuses fewer bases than d, and what is no number', () => {
    expect(() => sampler({ neighbours: 13 })).toThrow(/ARCHLOOM_LCCGAN_TOO_FEW_BASES: 12 bases.*13/)
    expect(() => sampler({ neighbours: 0 })).toThrow(/ARCHLOOM_OPTION/)
    expect(() => sampler({ normalise: 'l2' as 'sum' })).toThrow(/ARCHLOOM_OPTION/)
    expect(() => gaussianSampler({ dimension: 1.5 })).toThrow(/ARCHLOOM_OPTION/)
    const broken = [Float64Array.of(1, Number.NaN), Float64Array.of(1)]
    for (const base of broken)
      expect(() => sampler({ bases: [Float64Array.of(1, 2), base], neighbours: 1 })).toThrow(
        /ARCHLOOM_LCCGAN_POINTS.*base 1: \[1.*2 finite numbers/,
      )
  })
})

it('Gaussian walks keep the length of their ends', () => {
  const walk = gaussianSampler({ dimension: 50 }).walk(9, seeded(13))
  const lengths = Array.from({ length: 9 }, (_, i) => Math.hypot(...walk.subarray(50 * i, 50 * (i + 1))))
  for (const length of lengths) expect(Math.abs(length - Math.sqrt(50))).toBeLessThan(3)
  const ends = squaredDistance(Float64Array.from(walk.subarray(0, 50)), Float64Array.from(walk.subarray(400)))
  expect(ends).toBeGreaterThan(50)
})
