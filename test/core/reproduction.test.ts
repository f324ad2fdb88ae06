import { claim, inWords, measured } from 'archloom'
import { expect, it } from 'vitest'

it('figures are means with the deviation of a sample; one value has none', () => {
  expect(measured([1, 3])).toEqual({ mean: 2, sd: Math.SQRT2, seeds: 2 })
  expect(measured([1, 2, 3])).toEqual({ mean: 2, sd: 1, seeds: 3 })
  expect(measured([1])).toEqual({ mean: 1, seeds: 1 })
  expect([inWords([1, 3]), inWords([0.5], 3)]).toEqual(['2.00 ± 1.41', '0.500'])
})

it('a claim holds where our mean is above the baseline', () => {
  expect(claim('x', 'dB', 37.8, ['random', [1, 2]], [2, 3])).toEqual({
    ...{ id: 'x', metric: 'dB', direction: 'maximise', published: 37.8, holds: true },
    baseline: { name: 'random', mean: 1.5, sd: Math.SQRT1_2, seeds: 2 },
    ours: { mean: 2.5, sd: Math.SQRT1_2, seeds: 2 },
  })
  expect(claim('x', 'dB', null, ['random', [1]], [1]).holds).toBe(false)
})
