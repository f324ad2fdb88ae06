import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, l1Loss, trainStep, useEngine } from '../../../core/tensor/index.ts'
import { spaceContract } from '../../../core/testing/index.ts'
import type { LinearTap } from '../../../core/trainer.ts'
import {
  HNAS_A,
  HNAS_B,
  HNAS_C,
  normalOperations,
  publishedFlops,
  publishedSearchCost,
  type SuperResolutionArchitecture,
  type SuperResolutionOptions,
  superResolutionSpace,
  superResolutionSupernet,
} from '../../../search-spaces/super-resolution/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const tiny = { channels: 3, nodes: 2, cells: 3 } as const
const sized = (options: SuperResolutionOptions) => ({
  input: [6, 5, 3],
  classes: 0,
  space: superResolutionSpace(options),
})
const parameters = (variables: readonly tf.Variable[]) => variables.reduce((sum, { size }) => sum + size, 0)

spaceContract('super-resolution', superResolutionSpace(), { samples: 10 })
spaceContract('super-resolution, small', superResolutionSpace({ ...tiny, projection: true }), { samples: 20 })

describe('the published networks', () => {
  const space = superResolutionSpace()
  const cost = (architecture: SuperResolutionArchitecture) =>
    space.cost(architecture, { input: [48, 48, 3], classes: 0 })

  it.each([
    ['A', HNAS_A, 974_019, 3_063_059_712, 30.6, 35.73],
    ['B', HNAS_B, 2_141_290, 4_821_649_536, 48.2, 49.07],
    ['C', HNAS_C, 2_542_545, 8_366_226_432, 83.6, 90.46],
  ] as const)('HNAS-%s has its parameters and its cost', (_, architecture, size, released, printed, complete) => {
    const counted = cost(architecture)
    expect(counted.parameters).toBe(size)
    expect(counted.multiplyAdds - counted.transposedMultiplyAdds + counted.meanShiftMultiplyAdds).toBe(released)
    expect(counted.meanShiftMultiplyAdds).toBe(103_680)
    expect(Math.floor(publishedFlops(counted) * 10) / 10).toBe(printed)
    expect((counted.multiplyAdds + counted.meanShiftMultiplyAdds) * 1e-8).toBeCloseTo(complete, 2)
    expect(space.decode(space.encode(architecture))).toEqual(architecture)
  })

  it('cost less for every step that the upsampling moves back: a straight line in the position', () => {
    const sweep = Array.from({ length: 12 }, (_, position) => publishedFlops(cost({ ...HNAS_A, position })))
    const table = [76.81, 71.68, 66.55, 61.42, 56.29, 51.16, 46.03, 40.89, 35.76, 30.63, 25.5, 20.37]
    table.forEach((value, position) => {
      expect(sweep[position]).toBeCloseTo(value, 2)
    })
    expect(publishedFlops(cost({ ...HNAS_C, position: 11 }))).toBeCloseTo(55.88, 2)
    for (const [architecture, perPixel] of [
      [HNAS_A, 74_240],
      [HNAS_B, 157_312],
      [HNAS_C, 200_960],
    ] as const) {
      const at = (position: number) => cost({ ...architecture, position }).multiplyAdds
      for (const position of [2, 5, 10]) expect(at(position) - at(position + 1)).toBe(3 * perPixel * 48 * 48)
    }
  })

  it('are three of as many as the paper has', () => {
    expect(space.size).toBe(24_186_470_400n * 5_625_000_000n * 12n)
  })

  it('cost the same whatever was counted before, and far less than the whole supernet with 8 channels', () => {
    const search = superResolutionSpace({ channels: 8 })
    const own = (architecture: SuperResolutionArchitecture) =>
      publishedSearchCost(search.cost(architecture, { input: [48, 48, 3], classes: 0 }))
    const first = own(HNAS_A)
    const rng = seeded('costs')
    for (let i = 0; i < 20; i++) own(search.decode(search.random(rng)))
    expect(own(HNAS_A)).toBe(first)
    expect(first).toBeLessThan(2)
  })

  it('has as many weights as counted: HNAS-A, built but not run', () => {
    using network = space.build(HNAS_A, { input: [48, 48, 3], classes: 0, rng: seeded(1) })
    expect(parameters(network.trainable)).toBe(974_019)
    expect(network.outputShape).toEqual([96, 96, 3])
    expect(network.state).toEqual([])
  })
})

/** Multiply-adds of a kernel, from what really went through it. */
function multiplyAddsOf({ kernel, input, geometry }: LinearTap): number {
  if (geometry.kind === 'dense') return kernel.size
  const [, height = 0, width = 0] = input.shape
  if (geometry.kind === 'transposed-convolution') return kernel.size * height * width
  return kernel.size * (height / geometry.stride) * (width / geometry.stride)
}

describe.each([
  ['final form ×2', { ...tiny }],
  ['search form ×2', { ...tiny, normalised: true }],
  ['×3', { ...tiny, scale: 3 }],
  ['×4 with projection', { ...tiny, scale: 4, projection: true }],
] as const)('networks in %s', (_, options: SuperResolutionOptions) => {
  const { space, input, classes } = sized(options)
  const scale = options.scale ?? 2

  it('have the size, the parameters and the multiply-adds that are stated, at any image size', async () => {
    const run = () => {
      const rng = seeded('networks')
      for (let i = 0; i < 5; i++) {
        const architecture = space.decode(space.random(rng))
        using network = space.build(architecture, { input, classes, rng: rng.fork(i) })
        const stated = space.cost(architecture, { input, classes })
        expect(parameters(network.trainable)).toBe(stated.parameters)
        let [all, transposed] = [0, 0]
        const tap = (use: LinearTap) => {
          all += multiplyAddsOf(use)
          if (use.geometry.kind === 'transposed-convolution') transposed += multiplyAddsOf(use)
        }
        const optimizer = tf.train.sgd(1e-6)
        const { loss } = trainStep({
          variables: network.trainable,
          optimizer,
          loss: () => {
            const x = tf.randomUniform([2, ...input], 0, 255, 'float32', 5)
            return l1Loss(network.apply(x, { training: true, tap }), tf.fill([2, 6 * scale, 5 * scale, 3], 100))
          },
        })
        optimizer.dispose()
        expect(loss).toBeGreaterThan(0)
        expect(all).toBe(stated.multiplyAdds)
        expect(transposed).toBe(stated.transposedMultiplyAdds)
        const shape = tf.tidy(() => network.upscale(tf.ones([1, 3, 4, 3]), { training: false }).shape)
        expect(shape).toEqual([1, 3 * scale, 4 * scale, 3])
        expect(network.scale).toBe(scale)
      }
    }
    expect(await countTensors(async () => run())).toEqual({ tensors: 0, buffers: 0 })
  })
})

it('the first, the middle and the last cell may be the upsampling one', () => {
  const { space, input, classes } = sized(tiny)
  const any = space.decode(space.random(seeded(1)))
  for (const position of [0, 1, 2]) {
    using network = space.build({ ...any, position }, { input, classes, rng: seeded(2) })
    const shape = tf.tidy(() => network.apply(tf.ones([1, ...input]), { training: false }).shape)
    expect(shape).toEqual([1, 12, 10, 3])
  }
})

it('nearest and area are one function: the same network to the last bit', () => {
  const { space, input, classes } = sized(tiny)
  const any = space.decode(space.random(seeded(3)))
  const edge = (op: 'nearest' | 'area') => ({ left: { input: 0, op }, right: { input: 1, op } })
  const result = (op: 'nearest' | 'area') => {
    using network = space.build(
      { ...any, upsampling: [edge(op), edge(op)], position: 1 },
      { input, classes, rng: seeded(4) },
    )
    return tf.tidy(() =>
      network.apply(tf.randomUniform([1, ...input], 0, 255, 'float32', 1), { training: false }).dataSync(),
    )
  }
  expect(result('area')).toEqual(result('nearest'))
})

it('refuses options that no network can be built of', () => {
  expect(() => superResolutionSpace({ scale: 5 as 4 })).toThrow('ARCHLOOM_OPTION')
  expect(() => superResolutionSpace({ channels: 2 })).toThrow('ARCHLOOM_OPTION')
  expect(() => superResolutionSpace({ cells: 0 })).toThrow('ARCHLOOM_OPTION')
  expect(() => superResolutionSpace({ nodes: 1.5 })).toThrow('ARCHLOOM_OPTION')
  expect(() => superResolutionSpace(tiny).cost({ ...HNAS_A, position: 0 }, { input: [4, 4], classes: 0 })).toThrow(
    'ARCHLOOM_SPACE_INPUT_SHAPE',
  )
  expect(superResolutionSpace().name).toBe('super-resolution')
  expect(superResolutionSpace({ scale: 4, channels: 8 }).name).toBe('super-resolution-channels=8-scale=4')
  expect(normalOperations.length).toBe(6)
})

describe('the supernet', () => {
  it('computes a path only, trains its weights only, and leaves the others alone', async () => {
    const { space, input, classes } = sized({ ...tiny, normalised: true })
    const run = async () => {
      using supernet = superResolutionSupernet(space.options, { input, rng: seeded(5) })
      expect(supernet.outputShape).toEqual([12, 10, 3])
      const rng = seeded('paths')
      for (let i = 0; i < 4; i++) {
        const architecture = space.decode(space.random(rng))
        const path = supernet.path(architecture)
        const taps = new Set<string>()
        const before = await supernet.save()
        const optimizer = tf.train.sgd(0.01)
        trainStep({
          variables: path.trainable,
          optimizer,
          loss: () => {
            const x = tf.randomUniform([2, ...input], 0, 255, 'float32', 5)
            const y = path.apply(x, { training: true, tap: ({ kernel }) => void taps.add(kernel.name) })
            return l1Loss(y, tf.fill([2, 12, 10, 3], 100))
          },
        })
        optimizer.dispose()
        // Every kernel on the path was used, none besides.
        const kernels = path.trainable.filter(({ rank, name }) => rank > 1 && name.endsWith('/kernel'))
        expect(taps).toEqual(new Set(kernels.map(({ name }) => name)))
        const after = await supernet.save()
        const changed = after.filter((entry, at) => entry.data.some((value, k) => value !== before[at]?.data[k]))
        const onPath = new Set([...path.trainable, ...path.state].map(({ name }) => name.slice(name.indexOf('/') + 1)))
        expect(changed.length).toBeGreaterThan(0)
        expect(changed.filter(({ name }) => !onPath.has(name))).toEqual([])
        const shape = tf.tidy(() => path.upscale(tf.ones([1, 2, 2, 3]), { training: false }).shape)
        expect(shape).toEqual([1, 4, 4, 3])
        // Two edges that choose the same operation share it: a path never has more weights than the network alone.
        expect(parameters(path.trainable)).toBeLessThanOrEqual(space.cost(architecture, { input, classes }).parameters)
      }
    }
    expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
  })
})
