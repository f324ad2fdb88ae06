import { describe, expect, it } from 'vitest'
import { optionNames } from '../options/index.ts'
import { seeded } from '../random.ts'
import type { Genotype, Json } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'

export interface SpaceContractOptions {
  /** Number of random genotypes per test. Default: 50. */
  readonly samples?: number
  /** A space of at most this many architectures is enumerated completely. Default: 5,000. */
  readonly enumerateUpTo?: number
  /**
   * The fingerprint of a published version. A later change of the space fails the test, because old studies could not
   * be resumed.
   */
  readonly fingerprint?: string
}

const sizeOf = (space: SearchSpace): bigint | undefined =>
  space.decisions.some(({ kind }) => kind === 'real') ? undefined : space.size

const spaceContractNames = optionNames<SpaceContractOptions>('spaceContract', {
  samples: true,
  enumerateUpTo: true,
  fingerprint: true,
})

/**
 * Tests for what every search space must guarantee. Call it at the top level of a test file.
 *
 *     spaceContract('my space', mySpace)
 */
export function spaceContract<A>(name: string, given: SearchSpace<A>, options: SpaceContractOptions = {}): void {
  spaceContractNames(options)
  const { samples = 50, enumerateUpTo = 5_000, fingerprint } = options
  const space = given as SearchSpace
  const randoms = (): readonly Genotype[] => {
    const rng = seeded(`contract of ${name}`)
    return Array.from({ length: samples }, () => space.random(rng))
  }
  const expectValid = (genotype: Genotype) => {
    const valid = space.validate(genotype)
    expect(valid.ok, valid.ok ? '' : valid.error.message).toBe(true)
  }

  describe(`${name} keeps the contract of search spaces`, () => {
    it('draws valid genotypes, the same from the same seed', () => {
      for (const genotype of randoms()) expectValid(genotype)
      expect(randoms()).toEqual(randoms())
    })

    it('decodes to plain JSON, and encodes it back to the same genotype', () => {
      for (const genotype of randoms()) {
        const architecture = space.decode(genotype) as Json
        expect(JSON.parse(JSON.stringify(architecture))).toEqual(architecture)
        expect(space.encode(architecture)).toEqual(genotype)
      }
    })

    it('parses what it formats', () => {
      for (const genotype of randoms()) expect(space.parse(space.format(genotype))).toEqual(genotype)
    })

    it('offers only options that can be completed, and offers the ones of its own genotypes', () => {
      const rng = seeded('completion')
      for (const genotype of randoms().slice(0, 10))
        for (let length = 0; length < genotype.length; length++) {
          const options = space.allowed(genotype.slice(0, length))
          const value = genotype[length] as number
          if (options === null) expect(space.decisions[length]?.kind).toBe('real')
          else {
            expect(options).toContain(value)
            const other = [...genotype.slice(0, length), rng.pick(options)]
            while (other.length < genotype.length) {
              const decision = space.decisions[other.length]
              other.push(rng.pick(space.allowed(other) ?? [decision?.kind === 'real' ? decision.min : Number.NaN]))
            }
            expectValid(other)
          }
        }
    })

    it('mutates to another valid genotype, if there is one', () => {
      const rng = seeded('mutation')
      const alone = sizeOf(space) === 1n
      for (const genotype of randoms()) {
        const before = [...genotype]
        const child = space.mutate(genotype, rng)
        expectValid(child)
        if (!alone) expect(child).not.toEqual(genotype)
        expect(genotype, 'the parent must not change').toEqual(before)
      }
    })

    it('has valid, different neighbours, each once', () => {
      for (const genotype of randoms().slice(0, 10)) {
        const neighbours = [...space.neighbours(genotype)]
        const texts = neighbours.map((neighbour) => space.format(neighbour))
        for (const neighbour of neighbours) expectValid(neighbour)
        expect(texts).not.toContain(space.format(genotype))
        expect(new Set(texts).size).toBe(texts.length)
        // The first difference is the changed decision: an active one, changed to another allowed value.
        for (const neighbour of neighbours) {
          const at = neighbour.findIndex((value, i) => value !== genotype[i])
          expect(space.isActive(genotype, at)).toBe(true)
          expect(space.allowed(genotype.slice(0, at)) ?? [neighbour[at]]).toContain(neighbour[at])
        }
      }
    })

    it('refuses values that are not genotypes, without throwing', () => {
      const [genotype] = randoms() as [Genotype]
      const tooLong = [...genotype, 0]
      for (const wrong of [
        undefined,
        null,
        7,
        {},
        'é?',
        tooLong,
        genotype.map(() => Number.NaN),
        genotype.map(() => -1),
      ])
        if (genotype.length > 0) {
          const result = space.validate(wrong)
          expect(result.ok, JSON.stringify(wrong)).toBe(false)
          if (!result.ok) expect(result.error.code).toMatch(/^ARCHLOOM_GENOTYPE_/)
        }
    })

    it('has a fingerprint', () => {
      expect(space.fingerprint).toMatch(/^[0-9a-f]{16}$/)
      if (fingerprint !== undefined) expect(space.fingerprint).toBe(fingerprint)
    })

    const size = sizeOf(space)
    if (size === undefined)
      it('says that it cannot be counted', () => {
        expect(() => space.size).toThrow('ARCHLOOM_SPACE_NOT_ENUMERABLE')
      })
    else if (size <= BigInt(enumerateUpTo))
      it(`enumerates its ${size} architectures, each once and in order`, () => {
        const all = [...space.enumerate()]
        expect(BigInt(all.length)).toBe(size)
        for (const genotype of all) expectValid(genotype)
        expect(new Set(all.map((genotype) => JSON.stringify(space.decode(genotype)))).size).toBe(all.length)
        const texts = all.map((genotype) => genotype.map((value) => String(value).padStart(5, '0')).join())
        expect(texts).toEqual([...texts].sort())
      })
    else
      it('begins to enumerate with valid genotypes', () => {
        let count = 0
        for (const genotype of space.enumerate()) {
          expectValid(genotype)
          if (++count === samples) break
        }
        expect(count).toBe(samples)
      })
  })
}
