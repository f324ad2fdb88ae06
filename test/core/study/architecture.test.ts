import { defineSpace, oneOf, product, repeat, seeded, subset } from 'archloom'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { architectureOf } from '../../../core/study/architecture.ts'
import { anySpace } from '../space/arbitrary.ts'

test('without the code of its space, a genotype decodes as the space itself decodes it', () => {
  fc.assert(
    fc.property(anySpace, fc.nat(), (space, seed) => {
      const genotype = space.random(seeded(seed))
      expect(architectureOf(space.decisions, genotype)).toEqual(space.decode(genotype))
    }),
    { numRuns: 500 },
  )
})

test('members of a subset keep their type, fractions included', () => {
  const space = defineSpace('numbers', product({ rates: subset([0.1, 0.5, 2]), cells: repeat(2, () => oneOf(1, 2)) }))
  const genotype = space.encode({ rates: [0.1, 2], cells: [2, 1] })
  expect(architectureOf(space.decisions, genotype)).toEqual({ rates: [0.1, 2], cells: [2, 1] })
})
