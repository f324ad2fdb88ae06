import { holm, mannWhitney, superiority, wilcoxon } from 'archloom/analysis'
import { describe, expect, it } from 'vitest'
import { upperTail } from '../../../core/analysis/normal-tail.ts'

// Expected numbers: scipy.stats 1.17 (mannwhitneyu, wilcoxon, norm.sf).
describe('rank tests', () => {
  it('Mann-Whitney counts small samples without ties exactly', () => {
    const [a, b] = [
      [0.91, 0.925, 0.943, 0.918, 0.936],
      [0.902, 0.915, 0.921, 0.899, 0.93, 0.911],
    ]
    const test = mannWhitney(a, b)
    expect(test).toMatchObject({ statistic: 23, method: 'exact' })
    expect(test.pValue).toBeCloseTo(0.17748917748917747, 12)
    expect(mannWhitney(b, a).pValue).toBeCloseTo(test.pValue, 12)
    expect(superiority(a, b)).toBeCloseTo(23 / 30, 12)
  })

  it('Mann-Whitney with ties is normal, with corrections for ties and continuity', () => {
    const test = mannWhitney([1, 2, 2, 3, 5, 5, 7], [2, 4, 4, 6, 8, 9, 9, 10])
    expect(test).toMatchObject({ statistic: 12, method: 'normal' })
    expect(test.pValue).toBeCloseTo(0.07106001182064477, 10)
    expect(mannWhitney([1, 1, 1], [1, 1]).pValue).toBe(1)
  })

  it('Wilcoxon counts pairs without ties exactly', () => {
    const test = wilcoxon(
      [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3],
      [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29],
    )
    expect(test).toMatchObject({ statistic: 5, method: 'exact' })
    expect(test.pValue).toBeCloseTo(0.0390625, 12)
  })

  it('Wilcoxon with ties and zeros is normal', () => {
    const test = wilcoxon(
      [125, 115, 130, 140, 140, 115, 140, 125, 140, 135],
      [110, 122, 125, 120, 140, 124, 123, 137, 135, 145],
    )
    expect(test).toMatchObject({ statistic: 18, method: 'normal' })
    expect(test.pValue).toBeCloseTo(0.5936305914425295, 10)
    expect(wilcoxon([1, 2], [1, 2]).pValue).toBe(1)
  })

  it('the normal tail keeps its relative precision far out', () => {
    for (const [z, tail] of [
      [0, 0.5],
      [0.5, 0.3085375387259869],
      [1, 0.15865525393145707],
      [3, 0.0013498980316300933],
      [8, 6.22096057427174e-16],
    ] as const)
      expect(upperTail(z) / tail).toBeCloseTo(1, 11)
  })

  it('Holm multiplies the smallest p-value by the number of tests, and keeps the order', () => {
    const expected = [0.03, 0.06, 0.06, 0.02]
    holm([0.01, 0.04, 0.03, 0.005]).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12)
    })
  })

  it('refuses samples that cannot be tested', () => {
    expect(() => mannWhitney([], [1])).toThrow(/ARCHLOOM_ANALYSIS_SAMPLES: .*samples of 0 and 1 values/)
    expect(() => mannWhitney([Number.NaN], [1])).toThrow(/ARCHLOOM_ANALYSIS_SAMPLES: .*received NaN/)
    expect(() => wilcoxon([1, 2], [1])).toThrow(/ARCHLOOM_ANALYSIS_SAMPLES: .*2 and 1 values/)
  })
})
