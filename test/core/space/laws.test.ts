import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  defineSpace,
  findSearchSpace,
  oneOf,
  product,
  registerSearchSpace,
  repeat,
  searchSpaceNames,
  subset,
  sumAtMost,
  when,
} from '../../../core/space/index.ts'
import { anySpace, smallSpace, tuples } from './arbitrary.ts'

const runs = { seed: 1, numRuns: 150 }
const check = <T>(arbitrary: fc.Arbitrary<T>, law: (value: T) => void) => fc.assert(fc.property(arbitrary, law), runs)

describe('laws of any space', () => {
  it('random genotypes are valid, and survive decoding, encoding, formatting and parsing', () => {
    check(fc.tuple(anySpace, fc.nat()), ([space, seed]) => {
      const genotype = space.random(seeded(seed))
      const valid = space.validate(genotype)
      expect(valid.ok, valid.ok ? '' : valid.error.message).toBe(true)
      expect(space.encode(space.decode(genotype))).toEqual(genotype)
      expect(space.decode(space.encode(space.decode(genotype)))).toEqual(space.decode(genotype))
      expect(space.parse(space.format(genotype))).toEqual(genotype)
    })
  })

  it('mutants and neighbours are valid and differ, first in an active decision', () => {
    check(fc.tuple(anySpace, fc.nat()), ([space, seed]) => {
      const rng = seeded(seed)
      const genotype = space.random(rng)
      const others = [...space.neighbours(genotype)]
      const mutant = space.mutate(genotype, rng)
      if (others.length > 0) others.push(mutant)
      else expect(mutant).toEqual(genotype)
      for (const other of others) {
        expect(space.validate(other).ok).toBe(true)
        const at = other.findIndex((value, i) => value !== genotype[i])
        expect(at).toBeGreaterThanOrEqual(0)
        expect(space.isActive(genotype, at)).toBe(true)
      }
    })
  })

  it('every offered option can be completed', () => {
    check(fc.tuple(anySpace, fc.nat()), ([space, seed]) => {
      const rng = seeded(seed)
      const prefix: number[] = []
      while (prefix.length < space.decisions.length) {
        const decision = space.decisions[prefix.length]
        const options = space.allowed(prefix)
        if (options !== null) expect(options.length).toBeGreaterThan(0)
        prefix.push(options === null ? (decision?.kind === 'real' ? decision.max : Number.NaN) : rng.pick(options))
      }
      expect(space.validate(prefix).ok).toBe(true)
    })
  })
})

describe('laws of countable spaces', () => {
  it('enumerate lists exactly the valid index tuples, size counts them, decode tells them apart', () => {
    check(smallSpace, (space) => {
      const listed = [...space.enumerate()]
      expect(listed).toEqual([...tuples(space)].filter((tuple) => space.validate(tuple).ok))
      expect(space.size).toBe(BigInt(listed.length))
      expect(new Set(listed.map((genotype) => JSON.stringify(space.decode(genotype)))).size).toBe(listed.length)
    })
  })

  it('the options offered are exactly those that some valid genotype takes', () => {
    check(fc.tuple(smallSpace, fc.nat()), ([space, seed]) => {
      const listed = [...space.enumerate()]
      const genotype = space.random(seeded(seed))
      for (let length = 0; length < genotype.length; length++) {
        const taken = listed.filter((other) => other.slice(0, length).every((value, i) => value === genotype[i]))
        expect(space.allowed(genotype.slice(0, length))).toEqual([...new Set(taken.map((other) => other[length]))])
      }
    })
  })

  it('in a space without conditions and constraints neighbourhood is symmetric and counts Σ (options − 1)', () => {
    check(
      fc.tuple(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), fc.nat()),
      ([sizes, seed]) => {
        const parts = sizes.map((size, i) => [`d${i}`, oneOf(...Array.from({ length: size }, (_, o) => o))] as const)
        const space = defineSpace('flat', product(Object.fromEntries(parts)))
        const genotype = space.random(seeded(seed))
        const neighbours = [...space.neighbours(genotype)]
        expect(neighbours.length).toBe(sizes.reduce((sum, size) => sum + size - 1, 0))
        for (const neighbour of neighbours)
          expect([...space.neighbours(neighbour)].map((g) => space.format(g))).toContain(space.format(genotype))
        expect(space.size).toBe(sizes.reduce((product, size) => product * BigInt(size), 1n))
      },
    )
  })
})

describe('examples by hand', () => {
  it('counts: conditions add, parts multiply, constraints cut', () => {
    const size = (node: Parameters<typeof defineSpace>[1]) => defineSpace('counted', node).size
    expect(size(when(oneOf(true, false), () => oneOf(1, 2, 3)))).toBe(4n)
    expect(size(repeat({ min: 0, max: 3 }, () => oneOf('a', 'b')))).toBe(15n)
    expect(size(subset(['a', 'b', 'c', 'd'], { min: 1, max: 2 }))).toBe(10n)
    const widths = repeat(3, () => oneOf(1, 2, 3))
    expect(defineSpace('sums', widths, { constraints: [sumAtMost(['*'], 5)] }).size).toBe(10n)
  })

  it('counts a space of 10⁴⁰ architectures at once', () => {
    const node = repeat(40, () => oneOf(0, 1, 2, 3, 4, 5, 6, 7, 8, 9))
    expect(defineSpace('large', node).size).toBe(10n ** 40n)
    expect(defineSpace('large', node, { constraints: [sumAtMost(['0', '1'], 0)] }).size).toBe(10n ** 38n)
  })

  it('keeps later choices where a mutation leaves them allowed', () => {
    const space = defineSpace(
      'kept',
      repeat(6, () => oneOf(0, 1, 2)),
    )
    const rng = seeded(1)
    for (let i = 0; i < 50; i++) {
      const parent = space.random(rng)
      const child = space.mutate(parent, rng)
      expect(child.filter((value, at) => value !== parent[at]).length).toBe(1)
    }
  })

  it('has equal fingerprints for equal spaces only', () => {
    const make = (max: number) =>
      defineSpace(
        'fingerprint',
        repeat(2, () => oneOf(1, max)),
      )
    expect(make(2).fingerprint).toBe(make(2).fingerprint)
    expect(make(2).fingerprint).not.toBe(make(3).fingerprint)
    expect(
      defineSpace(
        'other name',
        repeat(2, () => oneOf(1, 2)),
      ).fingerprint,
    ).not.toBe(make(2).fingerprint)
  })

  it('finds registered spaces by name', () => {
    const space = registerSearchSpace(defineSpace('registered', oneOf('a', 'b')))
    expect(findSearchSpace('registered')).toBe(space)
    expect(searchSpaceNames()).toContain('registered')
  })
})
