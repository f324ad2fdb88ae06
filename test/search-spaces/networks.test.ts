import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import { countTensors, softmaxCrossEntropy, trainStep, useEngine } from '../../core/tensor/index.ts'
import type { LinearTap, Network } from '../../core/trainer.ts'
import { cellSpace } from '../../search-spaces/cell/index.ts'
import { nasBench201Space } from '../../search-spaces/nas-bench-201/index.ts'
import { nasBenchMacroSpace } from '../../search-spaces/nas-bench-macro/index.ts'
import type { NetworkSpace } from '../../search-spaces/network-space.ts'
import { toySpace } from '../../search-spaces/toy/index.ts'
import { spaceCases } from './spaces.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const classes = 3
const sizeOf = (variables: readonly tf.Variable[]) => variables.reduce((sum, { size }) => sum + size, 0)

/** Multiply-adds of a kernel, from the shapes that really went through it: taps per output position × positions. */
function multiplyAddsOf({ kernel, input, geometry }: LinearTap): number {
  if (geometry.kind === 'dense') return kernel.size
  const along = (axis: 1 | 2) => {
    const size = input.shape[axis] as number
    const window = geometry.dilation * (kernel.shape[axis - 1]! - 1) + 1
    const padding = geometry.padding
    if (padding === 'same') return Math.ceil(size / geometry.stride)
    return Math.floor((size + (padding === 'valid' ? 0 : 2 * padding) - window) / geometry.stride) + 1
  }
  return kernel.size * along(1) * along(2)
}

function train(network: Network, input: readonly number[]): { taps: LinearTap[]; multiplyAdds: number; loss: number } {
  const taps: LinearTap[] = []
  let multiplyAdds = 0
  const rng = seeded(5)
  const optimizer = tf.train.sgd(0.01)
  const { loss } = trainStep({
    variables: network.trainable,
    optimizer,
    loss: () => {
      const images = tf.randomUniform([2, ...input], -1, 1, 'float32', 3)
      const tap = (use: LinearTap) => {
        taps.push(use)
        multiplyAdds += multiplyAddsOf(use)
      }
      const logits = network.apply(images, { training: true, rng, dropPath: 0.2, tap })
      return softmaxCrossEntropy(logits, tf.tensor1d([0, 2], 'int32'))
    },
  })
  optimizer.dispose()
  return { taps, multiplyAdds, loss }
}

for (const { space, input, extra = () => 0 } of spaceCases)
  describe(`networks of ${space.name}`, () => {
    it('have the output shape, the parameters and the multiply-adds that cost() states, and leave nothing behind', async () => {
      const tried = () =>
        fc.assert(
          fc.property(fc.nat(), (seed) => {
            const rng = seeded(seed)
            const architecture = space.decode(space.random(rng))
            using network = space.build(architecture, { input, classes, rng })
            const stated = space.cost(architecture, { input, classes })
            expect(network.inputShape).toEqual(input)
            expect(network.outputShape).toEqual([classes])
            expect(sizeOf(network.trainable)).toBe(stated.parameters)
            const evaluated = tf.tidy(() => {
              const y = network.apply(tf.randomUniform([2, ...input], -1, 1, 'float32', 9), { training: false })
              return { shape: y.shape, finite: y.dataSync().every(Number.isFinite) }
            })
            expect(evaluated).toEqual({ shape: [2, classes], finite: true })
            const { multiplyAdds, loss } = train(network, input)
            expect(multiplyAdds + extra(classes)).toBe(stated.multiplyAdds)
            expect(loss).toBeGreaterThan(0)
          }),
          { numRuns: 6, seed: 1 },
        )
      expect(await countTensors(tried)).toEqual({ tensors: 0, buffers: 0 })
    })

    it('start from weights that depend on the seed only', () => {
      const architecture = space.decode(space.random(seeded(2)))
      const weights = (seed: number) => {
        using network = space.build(architecture, { input, classes, rng: seeded(seed) })
        return network.trainable.map((variable) => [...variable.dataSync().slice(0, 3)])
      }
      expect(weights(1)).toEqual(weights(1))
      expect(weights(1)).not.toEqual(weights(2))
    })

    it('refuse inputs that are not images', () => {
      const architecture = space.decode(space.random(seeded(3)))
      expect(() => space.build(architecture, { input: [64], classes, rng: seeded(1) })).toThrow(
        'ARCHLOOM_SPACE_INPUT_SHAPE',
      )
      expect(() => space.cost(architecture, { input: [8, 8, 0], classes })).toThrow('ARCHLOOM_SPACE_INPUT_SHAPE')
    })
  })

describe('training', () => {
  const chosen: readonly (readonly [NetworkSpace<unknown>, string])[] = [
    [toySpace(), '221'],
    [cellSpace({ nodes: 1, channels: 4, cells: 3 }), '04170613'],
    [nasBench201Space({ channels: 4, cells: 1 }), '312043'],
    [nasBenchMacroSpace({ channels: 4, head: 16 }), '01200101'],
  ]
  it.each(chosen)('a network of $name learns eight images by heart', (space, text) => {
    using network = space.build(space.decode(space.parse(text)), {
      input: [8, 8, 3],
      classes: 2,
      rng: seeded(1),
    })
    const images = tf.randomUniform([8, 8, 8, 3], -1, 1, 'float32', 11)
    const labels = tf.tensor1d([0, 1, 0, 1, 1, 0, 0, 1], 'int32')
    const optimizer = tf.train.momentum(0.1, 0.9)
    const losses = Array.from({ length: 25 }, () =>
      trainStep({
        variables: network.trainable,
        optimizer,
        loss: () => softmaxCrossEntropy(network.apply(images, { training: true }), labels),
      }),
    ).map(({ loss }) => loss)
    expect(losses[0]).toBeGreaterThan(0.4)
    expect(losses.at(-1)).toBeLessThan(0.1)
    tf.dispose([images, labels])
    optimizer.dispose()
  })
})
