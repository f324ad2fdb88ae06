import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  type ChoiceDecision,
  type Decision,
  defineSpace,
  drawValue,
  fromUnit,
  integer,
  oneOf,
  product,
  real,
  repeat,
  type SpaceNode,
  shareOf,
  sumAtMost,
  toUnit,
  variant,
} from '../../../core/space/index.ts'

const space = <A>(node: SpaceNode<A>) => defineSpace('numbers', node)
const only = (node: SpaceNode<unknown>) => defineSpace('numbers', node).decisions[0] as Decision
const draws = (node: SpaceNode<number>, count = 4_000): readonly number[] => {
  const rng = seeded('draws')
  const of = space(node)
  return Array.from({ length: count }, () => of.decode(of.random(rng)))
}
const share = (values: readonly number[], holds: (value: number) => boolean) =>
  values.filter(holds).length / values.length
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

describe('numbers with a step', () => {
  it('are those that one would write down', () => {
    expect(new Set(draws(real(0, 1, { step: 0.1 })))).toEqual(
      new Set([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
    )
    const optionsOf = (node: SpaceNode<number>) => (only(node) as ChoiceDecision).options
    expect(optionsOf(real(0, 0.3, { step: 0.1 }))).toEqual([0, 0.1, 0.2, 0.3])
    expect(optionsOf(real(-0.2, 0.25, { step: 0.15 }))).toEqual([-0.2, -0.05, 0.1, 0.25])
    expect(optionsOf(real(1e-7, 5e-7, { step: 1e-7 }))).toEqual([1e-7, 2e-7, 3e-7, 4e-7, 5e-7])
    expect(optionsOf(real(0, 1, { step: 0.4 }))).toEqual([0, 0.4, 0.8])
    expect(optionsOf(integer(8, 64, { step: 8 }))).toEqual([8, 16, 24, 32, 40, 48, 56, 64])
  })

  it('are on the grid for any decimal step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(4),
        (start, step, digits) => {
          const unit = 10 ** -digits
          const at = (i: number) => Number(`${start + i * step}e-${digits}`)
          const node = real(at(0), at(9), { step: Number(`${step}e-${digits}`) })
          expect((only(node) as ChoiceDecision).options, `unit ${unit}`).toEqual(
            Array.from({ length: 10 }, (_, i) => at(i)),
          )
        },
      ),
      { seed: 1 },
    )
  })

  it('encode values that differ by rounding only, and no others', () => {
    const tenths = space(product({ x: real(0, 1, { step: 0.1 }) }))
    expect(tenths.encode({ x: 0.1 * 3 })).toEqual([3])
    expect(() => tenths.encode({ x: 0.35 })).toThrow('ARCHLOOM_ARCHITECTURE_INVALID')
    expect(tenths.size).toBe(11n)
  })

  it('are refused where they cannot be listed', () => {
    for (const make of [
      () => real(0, 1, { step: 1e-6 }),
      () => real(0, 1, { step: 0 }),
      () => real(0, 1, { step: -0.1 }),
      () => real(0, 1, { step: Number.NaN }),
      () => real(1e16, 1e16 + 10, { step: 0.5 }),
      () => real(0, 1, { scale: 'log' }),
      () => real(-Number.MAX_VALUE, Number.MAX_VALUE),
      () => integer(0, 8, { scale: 'log' }),
      () => integer(0, 8, { step: 0.5 }),
      () => integer(1, 8, { scale: 'logarithmic' as never }),
      () => real(0, 1, null as never),
    ])
      expect(make).toThrow('ARCHLOOM_SPACE_RANGE')
  })
})

describe('numbers on a log scale', () => {
  it('give every octave the same share', () => {
    const values = draws(integer(1, 1024, { scale: 'log' }))
    expect(Math.abs(share(values, (value) => value <= 32) - 0.5)).toBeLessThan(0.03)
    for (let octave = 1; octave < 1024; octave *= 2)
      expect(Math.abs(share(values, (value) => value >= octave && value < 2 * octave) - 0.1)).toBeLessThan(0.02)
    expect(Math.abs(Math.log10(median(draws(real(1e-4, 1, { scale: 'log' })))) + 2)).toBeLessThan(0.1)
    expect(Math.abs(Math.log10(median(draws(real(1e-4, 1, { scale: 'log', step: 1e-4 })))) + 2)).toBeLessThan(0.1)
  })

  it('keep their shares under constraints', () => {
    const limited = defineSpace(
      'limited',
      repeat(2, () => integer(1, 63, { scale: 'log' })),
      { constraints: [sumAtMost(['*'], 64)] },
    )
    const rng = seeded(1)
    const firsts = Array.from({ length: 400 }, () => limited.decode(limited.random(rng))[0]!)
    expect(Math.abs(share(firsts, (value) => value < 8) - 0.5)).toBeLessThan(0.08)
  })

  it('have their own fingerprint, and leave that of linear ones as it was', () => {
    const of = (node: SpaceNode<unknown>) => space(node).fingerprint
    expect(of(integer(1, 8, { scale: 'log' }))).not.toBe(of(integer(1, 8)))
    expect(of(integer(1, 8, { scale: 'linear' }))).toBe(of(integer(1, 8)))
  })
})

describe('the mapping to the unit interval', () => {
  const decisions: readonly Decision[] = [
    only(real(-3, 5)),
    only(real(1e-4, 1, { scale: 'log' })),
    only(real(0, 1, { step: 0.1 })),
    only(integer(1, 1024, { scale: 'log' })),
    only(integer(7, 7, { scale: 'log' })),
    only(integer(3, 66)),
    only(oneOf('a', 'b', 'c')),
  ]

  it('is undone by its inverse, and maps [0, 1] onto all values', () => {
    for (const decision of decisions) {
      const count = decision.kind === 'choice' ? decision.options.length : 50
      for (let i = 0; i < count; i++) {
        const value = decision.kind === 'choice' ? i : fromUnit(decision, i / (count - 1))
        expect(Math.abs(fromUnit(decision, toUnit(decision, value)) - value)).toBeLessThan(1e-12)
      }
      const [low, high] = decision.kind === 'choice' ? [0, count - 1] : [decision.min, decision.max]
      for (const u of [0, -1]) expect(fromUnit(decision, u)).toBe(low)
      for (const u of [1, 2]) expect(fromUnit(decision, u)).toBe(high)
    }
  })

  it('ascends, and gives each option its share', () => {
    for (const decision of decisions) {
      const grid = Array.from({ length: 2_001 }, (_, i) => fromUnit(decision, i / 2_000))
      expect(grid).toEqual([...grid].sort((a, b) => a - b))
      if (decision.kind !== 'choice') continue
      const shares = decision.options.map((_, i) => shareOf(decision, i))
      expect(Math.abs(shares.reduce((sum, part) => sum + part, 0) - 1)).toBeLessThan(1e-12)
      for (const option of [0, decision.options.length - 1])
        expect(Math.abs(share(grid, (value) => value === option) - shares[option]!)).toBeLessThan(2e-3)
    }
  })

  it('draws one of the allowed options only', () => {
    const rng = seeded(2)
    for (const decision of decisions)
      if (decision.kind === 'choice' && decision.options.length > 4)
        for (let i = 0; i < 50; i++) expect([1, 4]).toContain(drawValue(decision, [1, 4], rng))
  })
})

describe('ordered decisions', () => {
  const wide = space(product({ x: integer(0, 63), op: oneOf('a', 'b', 'c', 'd') }))

  it('have the next lower and the next higher value as neighbours', () => {
    const near = (genotype: readonly number[]) =>
      [...wide.neighbours(genotype)].filter((g) => g[1] === 0).map((g) => g[0])
    expect(near([30, 0])).toEqual([29, 31])
    expect(near([0, 0])).toEqual([1])
    expect(near([63, 0])).toEqual([62])
    expect([...wide.neighbours([30, 0])]).toHaveLength(2 + 3)
    const log = space(product({ x: integer(1, 1024, { scale: 'log' }) }))
    const values = [...log.neighbours([511])].map((g) => log.decode(g).x)
    expect(values).toHaveLength(4)
    expect(values).toContain(511)
    expect(values).toContain(513)
    expect(Math.min(...values)).toBeLessThan(280)
    expect(Math.max(...values)).toBeGreaterThan(900)
  })

  it('reach every value by neighbours', () => {
    const small = space(product({ n: integer(0, 5), k: integer(1, 9, { step: 2, scale: 'log' }) }))
    const seen = new Set([small.format([0, 0])])
    const queue: (readonly number[])[] = [[0, 0]]
    for (let genotype = queue.pop(); genotype; genotype = queue.pop())
      for (const neighbour of small.neighbours(genotype))
        if (!seen.has(small.format(neighbour))) {
          seen.add(small.format(neighbour))
          queue.push(neighbour)
        }
    expect(BigInt(seen.size)).toBe(small.size)
  })

  it('mostly step to a near value when they mutate, and sometimes far', () => {
    const rng = seeded(3)
    const steps = Array.from({ length: 4_000 }, () => wide.mutate([30, 0], rng)[0]! - 30).filter((step) => step !== 0)
    const far = (limit: number) => share(steps, (step) => Math.abs(step) > limit)
    expect(far(1)).toBeLessThan(0.5)
    expect(far(8)).toBeLessThan(0.15)
    expect(far(8)).toBeGreaterThan(0.01)
    expect(Math.abs(share(steps, (step) => step > 0) - 0.5)).toBeLessThan(0.04)
  })

  it('step by the logarithm on a log scale', () => {
    const log = space(product({ x: integer(1, 1024, { scale: 'log' }) }))
    const rng = seeded(4)
    const values = Array.from({ length: 2_000 }, () => log.decode(log.mutate([31], rng)).x)
    // Half of the steps go to the next integer; of the others one standard deviation is a factor of two.
    expect(Math.abs(share(values, (value) => value < 16 || value > 64) - 0.5 * 0.317)).toBeLessThan(0.05)
  })
})

describe('crossover', () => {
  const mixed = defineSpace(
    'mixed',
    product({
      width: integer(1, 8),
      kind: variant({
        conv: product({ kernel: oneOf(3, 5, 7) }),
        dense: product({ units: integer(1, 9), rate: real(0, 1) }),
      }),
    }),
  )

  it('takes every value from a parent that has the decision active', () => {
    const rng = seeded(5)
    for (let i = 0; i < 300; i++) {
      const [a, b] = [mixed.random(rng), mixed.random(rng)]
      const child = mixed.crossover(a, b, rng)
      expect(mixed.validate(child).ok).toBe(true)
      child.forEach((value, index) => {
        const parents = [a, b].filter((parent) => mixed.isActive(parent, index)).map((parent) => parent[index])
        if (mixed.isActive(child, index)) expect(parents).toContain(value)
      })
    }
  })

  it('takes half from each, and the child of twins is their twin', () => {
    const flat = space(repeat(6, () => integer(0, 63)))
    const rng = seeded(6)
    const [zeros, ones] = [Array(6).fill(3) as number[], Array(6).fill(40) as number[]]
    const values = Array.from({ length: 500 }, () => flat.crossover(zeros, ones, rng)).flat()
    expect(Math.abs(share(values, (value) => value === 3) - 0.5)).toBeLessThan(0.04)
    expect(flat.crossover(ones, ones, rng)).toEqual(ones)
  })

  it('respects constraints', () => {
    const limited = defineSpace(
      'limited',
      repeat(4, () => integer(0, 9)),
      { constraints: [sumAtMost(['*'], 12)] },
    )
    const rng = seeded(7)
    for (let i = 0; i < 200; i++) {
      const child = limited.crossover(limited.random(rng), limited.random(rng), rng)
      expect(limited.validate(child).ok).toBe(true)
    }
  })
})

describe('a log scale whose ends have no ratio', () => {
  it.each([
    [1e-300, 1e300],
    [Number.MIN_VALUE, 1],
    [1e-10, Number.MAX_VALUE],
  ])('is drawn over its whole width: %d to %d', (min, max) => {
    const values = draws(real(min, max, { scale: 'log' }), 400)
    expect(values.every((value) => value >= min && value <= max)).toBe(true)
    const middle = (Math.log(min) + Math.log(max)) / 2
    expect(share(values, (value) => Math.log(value) < middle)).toBeGreaterThan(0.4)
    expect(share(values, (value) => Math.log(value) < middle)).toBeLessThan(0.6)
    const decision = only(real(min, max, { scale: 'log' }))
    for (const at of [0, 0.3, 1]) expect(toUnit(decision, fromUnit(decision, at))).toBeCloseTo(at, 2)
    const own = space(real(min, max, { scale: 'log' }))
    const rng = seeded('moves')
    let genotype = own.random(rng)
    for (let i = 0; i < 50; i++) {
      genotype = own.mutate(genotype, rng)
      expect(own.validate(genotype).ok).toBe(true)
    }
  })
})
