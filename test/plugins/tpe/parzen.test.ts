import { describe, expect, it } from 'vitest'
import { defineSpace, integer, oneOf, product, real, seeded, variant, when } from '../../../core/index.ts'
import { kernelWidths, parzenMixture } from '../../../plugins/tpe/parzen.ts'

const rng = seeded(1)

describe('widths of kernels', () => {
  it('are the larger gap to the neighbours, within limits', () => {
    // Five centres: no width below 1/7. The outer two have one neighbour each.
    const widths = [...kernelWidths(Float64Array.of(0.9, 0.1, 0.5, 0.15, 0.16))]
    const expected = [0.4, 1 / 7, 0.4, 1 / 7, 0.34]
    widths.forEach((width, i) => {
      expect(Math.abs(width - expected[i]!)).toBeLessThan(1e-9)
    })
    expect([...kernelWidths(Float64Array.of(0.3))]).toEqual([0.7])
    expect([...kernelWidths(new Float64Array(0))]).toEqual([])
    // Never below a hundredth, however many centres there are.
    expect(Math.min(...kernelWidths(new Float64Array(5000).fill(0.5)))).toBe(0.01)
  })
})

describe('a Parzen mixture', () => {
  const space = defineSpace(
    'discrete',
    product({
      op: oneOf('a', 'b', 'c'),
      width: integer(1, 6),
      units: integer(1, 64, { scale: 'log' }),
      tail: when(oneOf(true, false), () => oneOf('x', 'y')),
    }),
  )
  const kernels = Array.from({ length: 12 }, () => space.random(rng))
  const weights = kernels.map((_, i) => 1 + i / 3)

  it('is a distribution: over all genotypes of a space its masses add up to one', () => {
    const mixture = parzenMixture(space, kernels, weights)
    const all = [...space.enumerate()]
    const masses = mixture.logDensities(all).map(Math.exp)
    expect(Math.abs(masses.reduce((sum, mass) => sum + mass, 0) - 1)).toBeLessThan(1e-5)
  })

  it('integrates to one over real decisions', () => {
    const reals = defineSpace('reals', product({ x: real(-2, 3), y: real(1e-3, 1, { scale: 'log' }) }))
    const mixture = parzenMixture(
      reals,
      Array.from({ length: 7 }, () => reals.random(rng)),
      Array(7).fill(1),
    )
    const steps = 200
    const grid = Array.from({ length: steps }, (_, i) => (i + 0.5) / steps)
    const points = grid.flatMap((u) => grid.map((v) => [-2 + 5 * u, 1e-3 * 1e3 ** v]))
    const integral = mixture.logDensities(points).reduce((sum, log) => sum + Math.exp(log), 0) / steps ** 2
    expect(Math.abs(integral - 1)).toBeLessThan(1e-3)
  })

  it('draws as its density says', () => {
    const mixture = parzenMixture(space, kernels, weights)
    const all = [...space.enumerate()]
    const masses = mixture.logDensities(all).map(Math.exp)
    const draws = 6_000
    const counts = new Map<string, number>()
    const stream = seeded(2)
    for (let i = 0; i < draws; i++) {
      const genotype = mixture.draw(stream)
      expect(space.validate(genotype).ok).toBe(true)
      const op = String(genotype[0])
      counts.set(op, (counts.get(op) ?? 0) + 1)
    }
    for (const op of ['0', '1', '2']) {
      const expected = all.reduce((sum, [first], i) => sum + (String(first) === op ? masses[i]! : 0), 0)
      expect(Math.abs(counts.get(op)! / draws - expected)).toBeLessThan(0.025)
    }
  })

  it('takes the prior for a decision that a kernel does not have', () => {
    const kinds = defineSpace(
      'kinds',
      variant({ a: product({ n: oneOf(1, 2, 3, 4) }), b: product({ m: oneOf(1, 2, 3, 4) }) }),
    )
    const b = kinds.encode({ type: 'b', m: 2 })
    const [first, second] = ([1, 3] as const).map((n) => kinds.encode({ type: 'a', n }))
    const densities = parzenMixture(kinds, [b], [1]).logDensities([first!, second!])
    expect(densities[0]).toBe(densities[1])
  })
})
