import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, useEngine } from '../../../core/tensor/index.ts'
import type { LinearTap } from '../../../core/trainer.ts'
import {
  type BaselineOptions,
  baselineChannels,
  baselineCost,
  bicubicUpsampling,
  buildBaselineNetwork,
  publishedFlops,
  superResolutionSpace,
} from '../../../search-spaces/super-resolution/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

describe('baseline cells', () => {
  it('2h cost counts: residual 47.60 and RCAB 84.97, as printed after cutting to one decimal', () => {
    const residual = publishedFlops(baselineCost({ block: 'residual' }, [48, 48, 3]))
    const rcab = publishedFlops(baselineCost({ block: 'rcab' }, [48, 48, 3]))
    expect(residual).toBeCloseTo(47.6, 2)
    expect(rcab).toBeCloseTo(84.97, 2)
    expect([residual, rcab].map((value) => Math.floor(value * 10) / 10)).toEqual([47.5, 84.9])
  })

  it.each([
    { block: 'residual', scale: 2 },
    { block: 'rcab', scale: 4, position: 1 },
    { block: 'rcab', scale: 3, blocks: 1, shortcut: 'bicubic' },
  ] as const satisfies readonly BaselineOptions[])(
    '%o cost what they say and leave nothing behind',
    async (options) => {
      const whole = { ...options, cells: 3, channels: 4, nodes: 2 }
      const run = () => {
        using network = buildBaselineNetwork(whole, { input: [6, 5, 3], rng: seeded(1) })
        let counted = 0
        const tap = ({ kernel, input, geometry }: LinearTap) => {
          const [, height = 0, width = 0] = input.shape
          counted += geometry.kind === 'dense' ? kernel.size : kernel.size * height * width
        }
        const shape = tf.tidy(() => network.apply(tf.ones([2, 6, 5, 3]), { training: true, tap }).shape)
        expect(shape).toEqual([2, 6 * options.scale, 5 * options.scale, 3])
        const stated = baselineCost(whole, [6, 5, 3])
        expect(counted).toBe(stated.multiplyAdds)
        expect(network.trainable.reduce((sum, { size }) => sum + size, 0)).toBe(stated.parameters)
      }
      expect(await countTensors(async () => run())).toEqual({ tensors: 0, buffers: 0 })
    },
  )

  it('come near any budget by their channels', () => {
    const given = { block: 'residual', cells: 4 } as const
    for (const channels of [8, 16, 64]) {
      const { multiplyAdds } = baselineCost({ ...given, channels }, [48, 48, 3])
      expect(baselineChannels(given, multiplyAdds * 1.01, [48, 48, 3])).toBe(channels)
    }
  })
})

describe('the shortcut', () => {
  it('makes a new network a bicubic enlargement, exactly', async () => {
    const space = superResolutionSpace({ channels: 3, nodes: 2, cells: 2, shortcut: 'bicubic' })
    expect(space.name).toContain('shortcut=bicubic')
    using network = space.build(space.decode(space.random(seeded(1))), { input: [6, 6, 3], classes: 0, rng: seeded(1) })
    const [ours, bicubic] = tf.tidy(() => {
      const x = tf.randomUniform([1, 6, 6, 3], 0, 255, 'float32', 3)
      const mode = { training: false }
      return [network.apply(x, mode), bicubicUpsampling({ factor: 2 })(x, mode)].map((y) => Array.from(y.dataSync()))
    }) as [number[], number[]]
    expect(ours).toEqual(bicubic)
    expect(() => superResolutionSpace({ shortcut: 'nearest' as 'none' })).toThrow('ARCHLOOM_OPTION')
  })
})
