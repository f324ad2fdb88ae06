import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { bicubicUpsampling, buildCompactNetwork } from '../../../search-spaces/super-resolution/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const input = [6, 5, 3]
const build = (options: Parameters<typeof buildCompactNetwork>[0]) =>
  buildCompactNetwork(options, { input, rng: seeded('compact') })

describe('the compact network', () => {
  it('has 96,844 parameters at ×2 by default', () => {
    using network = build({ scale: 2 })
    expect(network.trainable.reduce((sum, { size }) => sum + size, 0)).toBe(96_844)
    // Head, five blocks of two, last: 3×3 kernels and biases.
    expect(96_844).toBe(27 * 32 + 32 + 10 * (9 * 32 * 32 + 32) + 9 * 32 * 12 + 12)
  })

  it.each([2, 3, 4])('begins as bicubic, and every weight can learn, ×%i', (scale) => {
    using network = build({ scale, features: 4, blocks: 2 })
    const lr = tf.randomUniform([2, 6, 5, 3], 0, 255, 'float32', 3)
    const mode = { training: false }
    const [ours, bicubic] = [network.apply(lr, mode), bicubicUpsampling({ factor: scale })(lr, mode)]
    expect(network.outputShape).toEqual([6 * scale, 5 * scale, 3])
    expect(ours.shape).toEqual([2, 6 * scale, 5 * scale, 3])
    expect(tf.max(tf.abs(tf.sub(ours, bicubic))).dataSync()[0]).toBeLessThan(1e-4)
    tf.dispose([ours, bicubic])
    tf.tidy(() => {
      for (const variable of network.trainable) variable.assign(tf.fill(variable.shape, 0.05))
      const { grads } = tf.variableGrads(
        () => tf.mean(tf.square(network.apply(lr, { training: true }))) as tf.Scalar,
        [...network.trainable],
      )
      for (const variable of network.trainable)
        expect(tf.max(tf.abs(grads[variable.name] as tf.Tensor)).dataSync()[0], variable.name).toBeGreaterThan(0)
    })
    lr.dispose()
  })

  it('refuses other scales and sizes', () => {
    expect(() => build({ scale: 5 })).toThrow(/ARCHLOOM_OPTION: compact upscaler: option "scale" is 5/)
    expect(() => build({ scale: 2, blocks: 0 })).toThrow(/ARCHLOOM_OPTION: .*blocks" is 0/)
  })
})
