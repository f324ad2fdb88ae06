import * as tf from '@tensorflow/tfjs-core'
import { createSearch, memoryStore } from 'archloom'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { conv2d, countTensors, dense, network, useEngine, variableScope } from '../../../core/tensor/index.ts'
import {
  costOf,
  type LayerRow,
  latencyMs,
  latencyOf,
  layersOf,
  multiplyAddsOf,
  profileNetwork,
  profiler,
  timed,
  withBits,
} from '../../../evaluators/profile/index.ts'
import { random } from '../../../plugins/random/index.ts'
import { toySpace } from '../../../search-spaces/toy/index.ts'
import { spaceCases } from '../../search-spaces/spaces.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const conv = (name: string, size: number, kernel: number, inputs: number, outputs: number, groups = 1): LayerRow => ({
  name,
  kind: groups === 1 ? 'convolution' : 'depthwise-convolution',
  kernel: [kernel, kernel],
  inputs,
  outputs,
  groups,
  positions: size * size,
})
const fully = (inputs: number, outputs: number): LayerRow => ({
  name: 'classifier',
  kind: 'dense',
  kernel: [1, 1],
  inputs,
  outputs,
  positions: 1,
})

/** Residual network for 32×32 images: three stages of (depth − 2) / 6 blocks. */
function resNet(depth: number, classes: number, shortcuts: 'convolution' | 'identity' = 'convolution'): LayerRow[] {
  const rows = [conv('stem', 32, 3, 3, 16)]
  let channels = 16
  for (const [stage, width] of [16, 32, 64].entries())
    for (let block = 0; block < (depth - 2) / 6; block++) {
      const size = 32 >> stage
      const name = `stage_${stage}/block_${block}`
      rows.push(conv(`${name}/first`, size, 3, channels, width), conv(`${name}/second`, size, 3, width, width))
      if (width !== channels && shortcuts === 'convolution')
        rows.push(conv(`${name}/shortcut`, size, 1, channels, width))
      channels = width
    }
  return [...rows, fully(64, classes)]
}

/** Residual network for 224×224 images, two basic blocks a stage. */
function resNet18(): LayerRow[] {
  const rows = [conv('stem', 112, 7, 3, 64)]
  let channels = 64
  for (const [stage, width] of [64, 128, 256, 512].entries()) {
    const size = 56 >> stage
    for (let block = 0; block < 2; block++) {
      rows.push(conv(`${stage}${block}a`, size, 3, channels, width), conv(`${stage}${block}b`, size, 3, width, width))
      if (width !== channels) rows.push(conv(`${stage}${block}s`, size, 1, channels, width))
      channels = width
    }
  }
  return [...rows, fully(512, 1000)]
}

function mobileNetV2(): LayerRow[] {
  const stages = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]] as const // biome-ignore format: one line
  const rows = [conv('stem', 112, 3, 3, 32)]
  let [channels, size] = [32, 112]
  for (const [expand, width, blocks, stride] of stages)
    for (let block = 0; block < blocks; block++) {
      const hidden = channels * expand
      if (expand > 1) rows.push(conv(`expand-${rows.length}`, size, 1, channels, hidden))
      if (block === 0) size /= stride
      rows.push(conv(`depthwise-${rows.length}`, size, 3, hidden, hidden, hidden))
      rows.push(conv(`project-${rows.length}`, size, 1, hidden, width))
      channels = width
    }
  return [...rows, conv('last', size, 1, 320, 1280), fully(1280, 1000)]
}

/** k bits everywhere, 8 in the first and last layer. */
const quantised = (rows: readonly LayerRow[], bits: number) =>
  withBits(rows, (_, index) => {
    const own = index === 0 || index === rows.length - 1 ? 8 : bits
    return { weights: own, activations: own }
  })

describe('published counts', () => {
  it('AO1 ResNet-20 on CIFAR-100: 40,818,944 multiply-adds, 41,798.6 M bit operations', () => {
    expect(costOf(resNet(20, 100)).multiplyAdds).toBe(40_818_944)
    expect(costOf(resNet(20, 100)).bops / 1e6).toBeCloseTo(41_798.6, 1)
  })
  it('AO2 the same in 4 bits, ends in 8: 674.644 M', () => {
    expect(costOf(quantised(resNet(20, 100), 4)).bops / 1e6).toBeCloseTo(674.644, 3)
  })
  it('AO3 ResNet-56: 125,753,600 multiply-adds, 128,771.69 M, in 4 bits 2,033.60 M', () => {
    expect(costOf(resNet(56, 100)).multiplyAdds).toBe(125_753_600)
    expect(costOf(resNet(56, 100)).bops / 1e6).toBeCloseTo(128_771.69, 2)
    expect(costOf(quantised(resNet(56, 100), 4)).bops / 1e6).toBeCloseTo(2_033.6, 1)
  })
  it('AO4 ResNet-18: 1,814,073,344 multiply-adds, 1857.61 G, in 4 bits 34.714 G, 53.51 times fewer', () => {
    const [full, four] = [costOf(resNet18()), costOf(quantised(resNet18(), 4))]
    expect(full.multiplyAdds).toBe(1_814_073_344)
    expect(full.bops / 1e9).toBeCloseTo(1857.61, 2)
    expect(four.bops / 1e9).toBeCloseTo(34.714, 3)
    expect(full.bops / four.bops).toBeCloseTo(53.51, 2)
  })
  it('AO5 MobileNetV2: 300,774,272 multiply-adds, 307.993 G, in 6 bits 11.167 G', () => {
    expect(costOf(mobileNetV2()).multiplyAdds).toBe(300_774_272)
    expect(costOf(mobileNetV2()).bops / 1e9).toBeCloseTo(307.993, 3)
    expect(costOf(quantised(mobileNetV2(), 6)).bops / 1e9).toBeCloseTo(11.167, 3)
  })
  it('AO6 identity shortcuts would give 41,530.2 M', () => {
    expect(costOf(resNet(20, 100, 'identity')).bops / 1e6).toBeCloseTo(41_530.2, 1)
  })
  it('CO1 ResNet-56 on CIFAR-10: 125,747,840, with identity shortcuts 125,485,696', () => {
    expect(costOf(resNet(56, 10)).multiplyAdds).toBe(125_747_840)
    expect(costOf(resNet(56, 10, 'identity')).multiplyAdds).toBe(125_485_696)
  })
  it('CO3 VGG-16 on CIFAR-10: 313,201,664', () => {
    let [channels, size] = [3, 32]
    const rows = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512].flatMap((width) => {
      if (width === 0) size /= 2
      const row = width === 0 ? [] : [conv(`${channels}-${size}`, size, 3, channels, width)]
      if (width > 0) channels = width
      return row
    })
    expect(costOf([...rows, fully(512, 10)]).multiplyAdds).toBe(313_201_664)
  })
})

describe('layer tables', () => {
  it('weigh bits in bytes', () => {
    const row = { ...conv('a', 4, 3, 8, 8), others: 8 }
    expect(costOf([row])).toMatchObject({ parameters: 584, bytes: 4 * 584 })
    expect(costOf(withBits([row], () => ({ weights: 4 })))).toMatchObject({ bytes: 288 + 32, bops: 576 * 16 * 128 })
  })
  it.each([
    ['inputs', { inputs: 0 }],
    ['groups', { groups: 3 }],
    ['weightBits', { weightBits: -1 }],
    ['positions', { positions: 1.5 }],
  ])('refuse %s that cannot be', (field, wrong) => {
    expect(() => costOf([{ ...conv('a', 4, 3, 8, 8), ...wrong }])).toThrow(
      new RegExp(`ARCHLOOM_PROFILE_LAYER_TABLE: layer "a" of a table has ${field}`),
    )
  })
})

describe('profileNetwork', () => {
  for (const { space, input, extra = () => 0 } of spaceCases)
    it(`counts what ${space.name} states`, async () => {
      for (const seed of [1, 2]) {
        const architecture = space.decode(space.random(seeded(seed)))
        using net = space.build(architecture, { input, classes: 3, rng: seeded(seed) })
        const stated = space.cost(architecture, { input, classes: 3 })
        const { multiplyAdds, parameters, bops } = await profileNetwork(net)
        // Where an operation is 'none', layers that only see zeros are no part of a trace.
        if (/^(toy|chain|nas-bench-macro)/.test(space.name)) expect(multiplyAdds).toBe(stated.multiplyAdds)
        expect(multiplyAdds + extra(3)).toBeLessThanOrEqual(stated.multiplyAdds)
        expect(parameters).toBe(stated.parameters)
        expect(bops).toBe(multiplyAdds * 1024)
      }
    })

  it('takes bits by layer, bytes with them, and leaves no tensor', async () => {
    const scope = variableScope({ rng: seeded(1) })
    const [first, last] = [
      conv2d(scope.child('first'), { inputChannels: 3, filters: 4, kernel: 3, stride: 2 }),
      dense(scope.child('last'), { inputs: 16, units: 2 }),
    ]
    const apply = (x: tf.Tensor, mode: { training: boolean }) =>
      last(tf.reshape(first(x, mode), [x.shape[0] as number, 16]), mode)
    using net = network({ scope, inputShape: [4, 4, 3], outputShape: [2], apply })
    const measured = async () => {
      const profile = await profileNetwork(net, { weights: { first: 2, '*': 8 }, activations: 4, latency: { repeats: 3, warmUp: 0 } }) // biome-ignore format: one line
      expect(profile.layers.map(({ name }) => name)).toEqual(['first', 'last'])
      expect(profile.multiplyAdds).toBe(108 * 4 + 32)
      expect(profile.bops).toBe(108 * 4 * 8 + 32 * 32)
      expect(profile.bytes).toBe(27 + 32 + 4 * 2)
      expect(profile.latency).toMatchObject({ engine: 'wasm', batchSize: 1, repeats: 3 })
    }
    expect(await countTensors(measured)).toEqual({ tensors: 0, buffers: 0 })
    expect((await layersOf(net)).map(multiplyAddsOf)).toEqual([432, 32])
    expect(await latencyMs({ repeats: 1 })({ network: net })).toBeGreaterThan(0)
  })
})

describe('latency', () => {
  it('is the median of the runs after the warm-up', async () => {
    const ticks = [0, 5, 10, 11, 20, 29, 30, 33]
    let [runs, at] = [0, 0]
    const run = () => void runs++
    const options = { repeats: 4, warmUp: 2, now: () => ticks[at++] as number }
    const latency = await timed(run, { engine: 'none', threads: 1 }, options)
    expect(runs).toBe(6)
    expect(latency).toMatchObject({ milliseconds: 4, low: 1, high: 9, repeats: 4 })
  })
  it('refuses counts that are none', async () => {
    using net = toySpace().build({ layers: 1, filters: 4, kernel: 3 }, { input: [4, 4, 3], classes: 2, rng: seeded(1) })
    await expect(latencyOf(net, { repeats: 0 })).rejects.toThrow('ARCHLOOM_OPTION')
  })
})

describe('profiler', () => {
  it('makes costs the objectives of a search', async () => {
    await using search = createSearch({
      space: toySpace(),
      evaluator: profiler({
        input: [6, 6, 3],
        classes: 3,
        weights: 8,
        activations: 8,
        latency: { repeats: 1, warmUp: 0 },
      }),
      plugins: [random()],
      objectives: { bops: 'minimise', latencyMs: 'minimise' },
      budget: { maxTrials: 3 },
      seed: 1,
      study: memoryStore(),
    })
    await search.finish()
    const [best] = search.best(1)
    expect(best?.metrics.bops).toBe((best?.metrics.multiplyAdds as number) * 64)
  })
  it('refuses an input that is not a shape', () => {
    expect(() => profiler({ input: [], classes: 2 })).toThrow('ARCHLOOM_OPTION')
  })
})
