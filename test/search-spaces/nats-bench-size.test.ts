import { seeded } from 'archloom'
import { formatNatsBenchSize, natsBenchSizeSpace, parseNatsBenchSize } from 'archloom/search-spaces/nas-bench-201'
import { useEngine } from 'archloom/tensor'
import * as tf from 'archloom/tf'
import { describe, expect, it } from 'vitest'

const space = natsBenchSizeSpace()
const cifar10 = { input: [32, 32, 3], classes: 10 }

describe('the size space of NATS-Bench', () => {
  it('has 32,768 architectures in the benchmark’s notation and order', () => {
    expect(space.size).toBe(32_768n)
    expect(parseNatsBenchSize('64:8:16:24:32').channels).toEqual([64, 8, 16, 24, 32])
    expect(formatNatsBenchSize({ channels: [8, 16, 24, 32, 64] })).toBe('8:16:24:32:64')
    // Number 12 of the benchmark's list.
    const [twelfth] = [...space.enumerate()].slice(12, 13)
    expect(formatNatsBenchSize(space.decode(twelfth!))).toBe('8:8:8:16:40')
  })

  it.each(['', '8:8:8:8', '8:8:8:8:8:8', '8:8:8:8:12', '8:8:8:8:x'])('refuses %j', (text) => {
    expect(() => parseNatsBenchSize(text)).toThrow('ARCHLOOM_ARCHITECTURE_TEXT')
  })

  it('has the published cost of architecture 12: 0.067378 M parameters and 7.991706 M multiply-adds', () => {
    expect(space.cost(parseNatsBenchSize('8:8:8:16:40'), cifar10)).toEqual({
      parameters: 67_378,
      multiplyAdds: 7_991_706,
    })
  })

  it('has networks with as many parameters as its costs say', async () => {
    await useEngine('cpu')
    for (const text of ['8:8:8:8:8', '8:16:8:24:8']) {
      const architecture = parseNatsBenchSize(text)
      using network = space.build(architecture, { input: [8, 8, 3], classes: 4, rng: seeded(1) })
      const sizes = network.trainable.map(({ shape }) => shape.reduce((product, size) => product * size, 1))
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(
        space.cost(architecture, { input: [8, 8, 3], classes: 4 }).parameters,
      )
      const shape = tf.tidy(() => network.apply(tf.ones([2, 8, 8, 3]), { training: false }).shape)
      expect(shape).toEqual([2, 4])
    }
  })
})
