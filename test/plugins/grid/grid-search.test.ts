import { describe, expect, it } from 'vitest'
import { defineSpace, integer, oneOf, product, real, seeded, when } from '../../../core/index.ts'
import { controllerContract, proposed } from '../../../core/testing/index.ts'
import { grid, gridSearch, gridSize } from '../../../plugins/grid/index.ts'

controllerContract('grid search', gridSearch({ points: 3 }), { learns: false })

const space = defineSpace(
  'grid',
  product({
    rate: real(1e-4, 1, { scale: 'log' }),
    n: integer(1, 3),
    tail: when(oneOf(true, false), () => oneOf('a', 'b')),
  }),
)
const all = (options: Parameters<typeof gridSearch>[0], seed = 1) => {
  using controller = gridSearch(options)(space, seeded(seed))
  const genotypes: (readonly number[])[] = []
  for (let i = 0; i < 1000 && !controller.exhausted; i++)
    genotypes.push(proposed(controller.propose(seeded(i))).genotype)
  expect(controller.propose(seeded(0))).toBe('exhausted')
  return genotypes
}

describe('grid search', () => {
  it('proposes every point once and then nothing', () => {
    const genotypes = all({ points: 5 })
    expect(genotypes).toHaveLength(5 * 3 * 3)
    expect(new Set(genotypes.map((genotype) => space.format(genotype))).size).toBe(45)
    for (const genotype of genotypes) expect(space.validate(genotype).ok).toBe(true)
    const rates = [...new Set(genotypes.map(([rate]) => rate!))].sort((a, b) => a - b)
    rates.forEach((rate, i) => {
      expect(Math.abs(Math.log10(rate) - (i - 4))).toBeLessThan(1e-12)
    })
  })

  it('goes in lexicographic order, or in a random one', () => {
    const ordered = all({ shuffle: false })
    expect(ordered.map((g) => g[1])).toEqual(ordered.map((_, i) => Math.floor(i / 3) % 3))
    expect(all({}, 1)).not.toEqual(all({}, 2))
  })

  it('refuses a grid that is too large before the first trial', () => {
    expect(gridSize(space, 5, 1000)).toBe(45)
    expect(() => gridSearch({ limit: 44 })(space, seeded(1))).toThrow('ARCHLOOM_GRID_SIZE')
    expect(() => grid({ points: 1 })).toThrow('ARCHLOOM_OPTION')
  })
})
