import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { groupRules } from '../../../core/space/groups.ts'
import { allDifferent, defineSpace, integer, oneOf, product, repeat, sumAtMost } from '../../../core/space/index.ts'

const rule = (...scope: number[]) => ({ scope, description: '', possible: () => true })

describe('independent groups of rules', () => {
  it('joins rules that share a decision, directly or through another rule', () => {
    const groups = groupRules([rule(0, 2), rule(5, 6), rule(2, 4), rule(1)], 8, false)
    expect(groups.map(({ members }) => members)).toEqual([[0, 2, 4], [5, 6], [1]])
    expect(groups.map(({ last }) => last)).toEqual([4, 6, 1])
  })

  it('is one group where decisions switch others on or off', () => {
    expect(groupRules([rule(0), rule(2)], 4, true).map(({ members }) => members)).toEqual([[0, 1, 2, 3]])
    expect(groupRules([], 4, true)).toEqual([])
  })

  it('counts what enumeration finds', () => {
    const space = defineSpace(
      'two groups',
      product({
        pairs: repeat(2, () => repeat(2, () => integer(0, 2))),
        widths: repeat(3, () => oneOf(1, 2)),
        free: oneOf('a', 'b'),
      }),
      { constraints: [allDifferent('pairs.0.*'), allDifferent('pairs.1.*'), sumAtMost(['widths.*'], 4)] },
    )
    const all = [...space.enumerate()]
    expect(space.size).toBe(6n * 6n * 4n * 2n)
    expect(BigInt(all.length)).toBe(space.size)
    expect(all.every((genotype) => space.validate(genotype).ok)).toBe(true)
  })

  it('counts and samples many small groups, whose product no search could walk', () => {
    const pairs = 40
    const space = defineSpace(
      'pairs',
      repeat(pairs as number, () => repeat(2, () => integer(0, 4))),
      {
        constraints: Array.from({ length: pairs }, (_, i) => allDifferent(`${i}.*`)),
      },
    )
    expect(space.size).toBe(20n ** 40n)
    expect(space.validate(space.random(seeded(1))).ok).toBe(true)
  })
})
