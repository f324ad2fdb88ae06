import { describe, expect, it } from 'vitest'
import { convnetSpace } from '../../search-spaces/convnet/index.ts'

describe('convnet', () => {
  const space = convnetSpace()
  const plain = {
    width: 16,
    form: 'plain',
    stages: [
      { depth: 2, kernel: 3 },
      { depth: 2, kernel: 3 },
      { depth: 2, kernel: 3 },
    ],
    normalisation: 'batch-norm',
    reduction: 'max',
    head: 'mean',
  } as const

  it('holds the network 16-16-pool-32-32-pool-64-64 and costs what a hand count gives', () => {
    expect(space.decode(space.encode(plain))).toEqual(plain)
    const kernels = [3 * 16, 16 * 16, 16 * 32, 32 * 32, 32 * 64, 64 * 64].map((pair) => 9 * pair)
    const positions = [1024, 1024, 256, 256, 64, 64]
    const norms = 2 * (16 + 16 + 32 + 32 + 64 + 64)
    expect(space.cost(plain, { input: [32, 32, 3], classes: 10 })).toEqual({
      parameters: kernels.reduce((a, b) => a + b) + norms + 65 * 10,
      multiplyAdds: kernels.reduce((sum, weights, i) => sum + weights * positions[i]!, 0) + 640,
    })
  })

  it('counts two convolutions for each residual block after the first', () => {
    const cost = (form: 'plain' | 'residual') => space.cost({ ...plain, form }, { input: [32, 32, 3], classes: 10 })
    const second = 9 * (16 * 16 + 32 * 32 + 64 * 64) + 2 * (16 + 32 + 64)
    expect(cost('residual').parameters - cost('plain').parameters).toBe(second)
  })

  it('refuses options that make no network', () => {
    expect(() => convnetSpace({ widths: [] })).toThrow('ARCHLOOM_OPTION')
    expect(() => convnetSpace({ stages: 0 })).toThrow('ARCHLOOM_OPTION')
    expect(() => convnetSpace({ maxDepth: 1.5 })).toThrow('ARCHLOOM_OPTION')
    expect(() => convnetSpace({ kernels: [2] })).toThrow('ARCHLOOM_OPTION')
  })
})
