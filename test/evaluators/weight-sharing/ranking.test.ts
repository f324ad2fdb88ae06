import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { depthOf, kendallTau, rankingReport, ranks, spearman } from '../../../evaluators/weight-sharing/index.ts'

const lists = fc
  .integer({ min: 2, max: 12 })
  .chain((n) =>
    fc.tuple(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: n, maxLength: n }),
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: n, maxLength: n }),
    ),
  )

describe('rank correlations', () => {
  // Worked by hand: 8 concordant, 2 discordant of 10 pairs; Σd² = 4 of n = 5.
  it('known values', () => {
    expect(kendallTau([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])).toBeCloseTo(0.6, 12)
    expect(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])).toBeCloseTo(1 - (6 * 4) / (5 * 24), 12)
    // τ-b with ties: 4 concordant, 1 discordant, one tie in a: 3 / √(5 · 6).
    expect(kendallTau([1, 1, 2, 3], [1, 2, 4, 3])).toBeCloseTo(3 / Math.sqrt(30), 12)
    expect(ranks([10, 20, 20, 5])).toEqual([2, 3.5, 3.5, 1])
  })

  it('are symmetric, odd, invariant to monotone changes, and within ±1', () => {
    fc.assert(
      fc.property(lists, ([a, b]) => {
        for (const correlation of [kendallTau, spearman]) {
          const value = correlation(a, b)
          if (Number.isNaN(value)) {
            expect(new Set(a).size === 1 || new Set(b).size === 1).toBe(true)
            continue
          }
          expect(Math.abs(value)).toBeLessThanOrEqual(1 + 1e-12)
          expect(correlation(b, a)).toBeCloseTo(value, 12)
          expect(
            correlation(
              a.map((x) => -x),
              b,
            ),
          ).toBeCloseTo(-value, 12)
          expect(
            correlation(
              a.map((x) => Math.exp(x)),
              b,
            ),
          ).toBeCloseTo(value, 12)
        }
      }),
    )
  })

  it('refuses what cannot be ranked: ARCHLOOM_RANKING_INPUT', () => {
    expect(() => kendallTau([1, 2], [1])).toThrow('ARCHLOOM_RANKING_INPUT')
    expect(() => spearman([1], [1])).toThrow('ARCHLOOM_RANKING_INPUT')
    expect(() => spearman([1, Number.NaN], [1, 2])).toThrow('ARCHLOOM_RANKING_INPUT')
  })

  it('the report sets every predictor against the reference', () => {
    expect(rankingReport([1, 2, 3], { up: [4, 5, 6], down: [3, 2, 1] })).toEqual([
      { predictor: 'up', kendall: 1, spearman: 1 },
      { predictor: 'down', kendall: -1, spearman: -1 },
    ])
  })
})

it('depth is the longest path that reaches the target', () => {
  const edges = [
    { from: 0, to: 1, length: 1 },
    { from: 0, to: 2, length: 0 },
    { from: 1, to: 2, length: 1 },
    { from: 1, to: 3, length: undefined },
    { from: 2, to: 3, length: 1 },
  ]
  expect(depthOf(edges, [0], 3)).toBe(3)
  expect(depthOf(edges.slice(0, 4), [0], 3)).toBe(0)
})
