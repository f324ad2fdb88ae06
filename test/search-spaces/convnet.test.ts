import { describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { spaceContract } from '../../core/testing/index.ts'
import { convnetSpace } from '../../search-spaces/convnet/index.ts'
import { perceptronSpace } from '../../search-spaces/perceptron/index.ts'

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

  it('may choose how many stages there are', () => {
    const several = convnetSpace({ stages: { min: 2, max: 3 } })
    const short = { ...plain, stages: plain.stages.slice(0, 2) }
    for (const each of [plain, short]) expect(several.decode(several.encode(each))).toEqual(each)
    expect(() => several.encode({ ...plain, stages: plain.stages.slice(0, 1) })).toThrow('an array of 2 to 3')
    const kernels = [3 * 16, 16 * 16, 16 * 32, 32 * 32].map((pair) => 9 * pair)
    expect(several.cost(short, { input: [32, 32, 3], classes: 10 }).parameters).toBe(
      kernels.reduce((a, b) => a + b) + 2 * (16 + 16 + 32 + 32) + 33 * 10,
    )
  })

  it('refuses options that make no network', () => {
    expect(() => convnetSpace({ widths: [] })).toThrow('ARCHLOOM_OPTION')
    expect(() => convnetSpace({ stages: 0 })).toThrow('ARCHLOOM_OPTION')
    expect(() => convnetSpace({ stages: { min: 3, max: 2 } })).toThrow('{ min, max } with 1 ≤ min ≤ max')
    expect(() => convnetSpace({ maxDepth: 1.5 })).toThrow('ARCHLOOM_OPTION')
    expect(() => convnetSpace({ kernels: [2] })).toThrow('ARCHLOOM_OPTION')
  })
})

describe('perceptron', () => {
  const space = perceptronSpace()
  const architecture = { width: 32, blocks: 2, dropout: 0.1 } as const

  it('costs what its network holds, and keeps the contract', async () => {
    await useEngine('cpu')
    const form = { input: [7], classes: 3 }
    using network = space.build(architecture, { ...form, rng: seeded(1) })
    const { parameters, multiplyAdds } = space.cost(architecture, form)
    expect(network.trainable.reduce((sum, { size }) => sum + size, 0)).toBe(parameters)
    expect(multiplyAdds).toBe(7 * 32 + 4 * 32 * 32 + 32 * 3)
    expect(() => space.build(architecture, { input: [7, 7, 3], classes: 3, rng: seeded(1) })).toThrow(
      'ARCHLOOM_SPACE_FEATURES',
    )
  })
})

spaceContract('perceptron', perceptronSpace())
