import { claim, inWords, measured, pairedDifference, verdictOf } from 'archloom/reproduction'
import { expect, it } from 'vitest'

it('figures are means with the deviation of a sample; one value has none', () => {
  expect(measured([1, 3])).toEqual({ mean: 2, sd: Math.SQRT2, seeds: 2 })
  expect(measured([1, 2, 3])).toEqual({ mean: 2, sd: 1, seeds: 3 })
  expect(measured([1])).toEqual({ mean: 1, seeds: 1 })
  expect([inWords([1, 3]), inWords([0.5], 3)]).toEqual(['2.00 ± 1.41', '0.500'])
})

it('a claim holds where our mean is above the baseline', () => {
  expect(claim('x', 'dB', 37.8, ['random', [1, 2]], [2, 3])).toEqual({
    id: 'x',
    metric: 'dB',
    direction: 'maximise',
    published: 37.8,
    holds: true,
    baseline: { name: 'random', mean: 1.5, sd: Math.SQRT1_2, seeds: 2 },
    ours: { mean: 2.5, sd: Math.SQRT1_2, seeds: 2 },
  })
  expect(claim('x', 'dB', null, ['random', [1]], [1]).holds).toBe(false)
})

it.each([
  // Differences, published effect, verdict.
  [[2.1, 2.2, 2.3], 1, 'holds'],
  [[2.1, 2.2, 2.3], null, 'holds'],
  // A decisive sign counts even where the published effect is smaller than the error.
  [[4, 5, 6], 0.1, 'holds'],
  [[-2.1, -2.2, -2.3], 1, 'does not hold'],
  // The standard error is larger than the effect.
  [[-3, 0, 3.3], 1, 'not measurable here'],
  // Precise enough to exclude the effect, though not to exclude 0.
  [[-0.1, 0, 0.11], 1, 'does not hold'],
  [[-0.1, 0, 0.11], null, 'not measurable here'],
  // Both 0 and the effect are within two errors.
  [[-0.2, 0.6, 1.4], 1, 'not measurable here'],
  [[5], 1, 'not measurable here'],
  // Two seeds are too few, however close.
  [[5, 5.01], 1, 'not measurable here'],
] as const)('differences %j against an effect of %j: %s', (differences, effect, verdict) => {
  const paired = pairedDifference(
    differences,
    differences.map(() => 0),
    'maximise',
  )
  expect(verdictOf(paired, effect)).toBe(verdict)
  const reversed = pairedDifference(
    differences.map((x) => 3 - x),
    differences.map(() => 3),
    'minimise',
  )
  expect(reversed.mean).toBeCloseTo(paired.mean, 12)
  expect(verdictOf(reversed, effect)).toBe(verdict)
})
