import { describe, expect, it } from 'vitest'
import { defineSpace, integer, product, real, repeat, seeded, sumAtMost } from '../../../core/index.ts'
import { controllerContract, proposed } from '../../../core/testing/index.ts'
import { SOBOL_DIMENSIONS, sobol, sobolPoint, sobolSearch } from '../../../plugins/sobol/index.ts'

controllerContract('quasi-random search', sobolSearch(), { learns: false })

describe('the Sobol sequence', () => {
  it('begins with its published points', () => {
    const first = Array.from({ length: 8 }, (_, i) => [sobolPoint(i, 0), sobolPoint(i, 1)])
    expect(first).toEqual([
      [0, 0],
      [0.5, 0.5],
      [0.75, 0.25],
      [0.25, 0.75],
      [0.375, 0.375],
      [0.875, 0.875],
      [0.625, 0.125],
      [0.125, 0.625],
    ])
  })

  it('has one point in each of 2ᵏ intervals of every dimension, with any shift', () => {
    for (let dimension = 0; dimension < SOBOL_DIMENSIONS; dimension++)
      for (const shift of [0, 0x9e3779b9]) {
        const intervals = Array.from({ length: 256 }, (_, i) => Math.floor(256 * sobolPoint(i, dimension, shift)))
        expect(new Set(intervals).size, `dimension ${dimension}`).toBe(256)
      }
  })

  it('has one point in each elementary box of the first two dimensions', () => {
    for (let k = 0; k <= 8; k++) {
      const [a, b] = [2 ** k, 2 ** (8 - k)]
      const boxes = Array.from(
        { length: 256 },
        (_, i) => `${Math.floor(a * sobolPoint(i, 0))}/${Math.floor(b * sobolPoint(i, 1))}`,
      )
      expect(new Set(boxes).size).toBe(256)
    }
  })
})

describe('quasi-random search', () => {
  it('covers the options of every decision evenly, and differs from seed to seed', () => {
    const space = defineSpace('wide', product({ n: repeat(5, () => integer(0, 7)), x: real(0, 1) }))
    const draw = (seed: number, options = {}) => {
      using controller = sobolSearch(options)(space, seeded(seed))
      return Array.from({ length: 64 }, (_, i) => proposed(controller.propose(seeded(i))).genotype)
    }
    for (let d = 0; d < 5; d++)
      for (let option = 0; option < 8; option++)
        expect(draw(1).filter((genotype) => genotype[d] === option).length).toBe(8)
    expect(draw(1)).not.toEqual(draw(2))
    expect(draw(1, { scramble: false })).toEqual(draw(2, { scramble: false }))
  })

  it('keeps to constraints, and goes on beyond the dimensions of the sequence', () => {
    const many = defineSpace(
      'many',
      repeat(80, () => integer(0, 3)),
      { constraints: [sumAtMost(['0', '1', '2'], 4)] },
    )
    using controller = sobolSearch()(many, seeded(1))
    for (let i = 0; i < 50; i++) expect(many.validate(proposed(controller.propose(seeded(i))).genotype).ok).toBe(true)
  })

  it('refuses options it does not know', () => {
    expect(() => sobol({ scrambled: true } as never)).toThrow('ARCHLOOM_OPTION')
  })
})
