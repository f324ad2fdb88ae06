import { describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import { chainSpace } from '../../search-spaces/chain/index.ts'
import { toySpace } from '../../search-spaces/toy/index.ts'

describe('chain', () => {
  const space = chainSpace({
    kernels: [3, 5, 7],
    expansions: [1, 6],
    stages: [
      { widths: [8, 16], depth: { min: 1, max: 3 }, stride: 1 },
      { widths: [24], depth: { min: 2, max: 2 } },
    ],
    stem: 8,
    head: 32,
  })

  it('has as many architectures as its stages allow', () => {
    // Six blocks to choose from, one to three of them, two widths; then two blocks of one width.
    expect(space.size).toBe(2n * (6n + 36n + 216n) * 36n)
  })

  it('gives every stage its width and as many blocks as it is deep', () => {
    const depths = new Set<number>()
    for (let seed = 0; seed < 60; seed++) {
      const [first, second] = space.decode(space.random(seeded(seed))).stages as [
        { width: number; blocks: readonly unknown[] },
        { width: number; blocks: readonly unknown[] },
      ]
      depths.add(first.blocks.length)
      expect([8, 16]).toContain(first.width)
      expect(second.blocks).toHaveLength(2)
      expect(second.width).toBe(24)
    }
    expect([...depths].sort()).toEqual([1, 2, 3])
  })

  it('costs what a hand count gives', () => {
    const architecture = {
      stages: [
        { width: 16, blocks: [{ kernel: 3, expansion: 1 }] },
        {
          width: 24,
          blocks: [
            { kernel: 5, expansion: 6 },
            { kernel: 7, expansion: 1 },
          ],
        },
      ],
    } as const
    expect(space.encode(architecture)).toHaveLength(space.decisions.length)
    const parameters = [
      9 * 3 * 8 + 16, // stem
      9 * 8 + 16 + (8 * 16 + 32), // kernel 3, no expansion
      16 * 96 + 192 + (25 * 96 + 192) + (96 * 24 + 48), // kernel 5, expansion 6
      49 * 24 + 48 + (24 * 24 + 48), // kernel 7, no expansion
      24 * 32 + 64, // head
      33 * 10, // classifier
    ]
    const multiplyAdds = [
      9 * 3 * 8 * 256,
      (9 * 8 + 8 * 16) * 256,
      16 * 96 * 256 + (25 * 96 + 96 * 24) * 64,
      (49 * 24 + 24 * 24) * 64,
      24 * 32 * 64,
      32 * 10,
    ]
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b)
    expect(space.cost(architecture, { input: [16, 16, 3], classes: 10 })).toEqual({
      parameters: sum(parameters),
      multiplyAdds: sum(multiplyAdds),
    })
  })
})

describe('toy', () => {
  it('has 27 architectures and costs what a hand count gives', () => {
    const space = toySpace()
    expect(space.size).toBe(27n)
    expect(space.decisions.map(({ name }) => name)).toEqual(['layers', 'filters', 'kernel'])
    // 3 → 4 → 4 channels, kernels of 3, on 8×8 → 4×4 → 2×2.
    expect(space.cost({ layers: 2, filters: 4, kernel: 3 }, { input: [8, 8, 3], classes: 2 })).toEqual({
      parameters: 9 * 3 * 4 + 8 + (9 * 4 * 4 + 8) + 10,
      multiplyAdds: 9 * 3 * 4 * 16 + 9 * 4 * 4 * 4 + 8,
    })
  })
})
