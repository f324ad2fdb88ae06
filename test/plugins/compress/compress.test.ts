import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { compress } from '../../../plugins/compress/index.ts'
import { compareOnnx, onnxLatency } from '../../../plugins/onnx/index.ts'
import { graphNetwork, resNetGraph } from '../../../search-spaces/compression/index.ts'

const data = generatedImages({ train: 96, validation: 48, classes: 3, size: 8 })
const graph = resNetGraph({ depth: 8, widths: [4, 8, 8], size: 8, classes: 3, rng: seeded(1) })
let directory: string
beforeAll(async () => {
  await useEngine('onnxruntime')
  directory = mkdtempSync(join(tmpdir(), 'archloom-compress-'))
}, 60_000)
afterAll(() => rmSync(directory, { recursive: true }))

describe('compress', () => {
  it('meets the target with fewer channels and integers, and exports what it made', async () => {
    using network = graphNetwork(graph)
    const said: string[] = []
    const small = await compress(network, {
      ...{ target: { bops: 0.03 }, data, episodes: 6, epochs: 1, seed: 1, log: (text: string) => said.push(text) },
    })
    expect(small.after.bops / small.before.bops).toBeLessThanOrEqual(0.03)
    expect(small.after.parameters).toBeLessThan(small.before.parameters)
    expect(said).toHaveLength(2)
    const file = join(directory, 'small.onnx')
    const report = await small.export(file)
    expect(statSync(file).size).toBe(report.bytes)
    expect(report.quantised?.every(({ weights }) => weights.as === 'int8')).toBe(true)
    using pruned = small.network()
    const compared = await compareOnnx(pruned, file, data.validation)
    expect(compared.images).toBe(48)
    expect(compared.agreement).toBeGreaterThan(0.9)
    expect(compared.networkAccuracy).toBeCloseTo(small.after.accuracy, 6)
    expect((await onnxLatency(file, [8, 8, 3], { repeats: 3, warmUp: 1 })).engine).toBe('onnxruntime-node')
  })

  it('takes a LayersModel, prunes uniformly, and leaves no tensor behind', async () => {
    const model = layers.sequential({
      layers: [
        layers.layers.conv2d({ inputShape: [8, 8, 3], filters: 8, kernelSize: 3, activation: 'relu', padding: 'same', kernelInitializer: layers.initializers.heNormal({ seed: 1 }) }), // biome-ignore format: one line
        layers.layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu', padding: 'same', kernelInitializer: layers.initializers.heNormal({ seed: 2 }) }), // biome-ignore format: one line
        layers.layers.globalAveragePooling2d({}),
        layers.layers.dense({ units: 3, kernelInitializer: layers.initializers.heNormal({ seed: 3 }) }),
      ],
    })
    const run = async () => {
      const small = await compress(model, { target: { multiplyAdds: 0.5 }, data, prune: 'uniform', epochs: 0 })
      expect(small.after.multiplyAdds).toBeLessThanOrEqual(0.5 * small.before.multiplyAdds)
    }
    expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
    model.dispose()
  })

  it('leaves a model whole where integers are enough', async () => {
    const small = await compress(graph, { target: { bops: 0.1 }, data })
    expect(small.graph).toBe(graph)
    expect(small.after.bops / small.before.bops).toBe(0.0625)
  })

  it('searches bits and filters where 8 bits are too many', async () => {
    const wide = resNetGraph({ depth: 8, widths: [8, 8, 16], size: 8, classes: 3, rng: seeded(1) })
    const options = { target: { bops: 0.012 }, data, searchEpochs: 1, epochs: 1, seed: 3, prune: 'uniform' } as const
    const small = await compress(wide, options)
    expect(small.after.bops / small.before.bops).toBeLessThanOrEqual(0.012)
    const file = join(directory, 'searched.onnx')
    const report = await small.export(file)
    expect(report.quantised?.some(({ weights }) => weights.bits < 8)).toBe(true)
    using network = small.network()
    expect((await compareOnnx(network, file, data.validation)).agreement).toBeGreaterThan(0.9)
    // Channels first where multiply-adds are limited too.
    const both = await compress(wide, { ...options, target: { bops: 0.03, multiplyAdds: 0.6 }, bits: 'search' })
    expect(both.after.multiplyAdds).toBeLessThanOrEqual(0.6 * both.before.multiplyAdds)
    expect(both.after.bops).toBeLessThanOrEqual(0.03 * both.before.bops)
  })

  it('says what the least is that can be reached', async () => {
    const asked = { data, prune: 'uniform', epochs: 0, bits: 8 } as const
    await expect(compress(graph, { ...asked, target: { bops: 0.001 } })).rejects.toThrow(
      /ARCHLOOM_COMPRESS_TARGET: a share of 0.001 of the bit operations.*the least that can be is 0\.0\d+/,
    )
    await expect(compress(graph, { ...asked, target: { multiplyAdds: 0.01 } })).rejects.toThrow('multiply-adds')
    const searched = compress(graph, { data, target: { bops: 0.0001 }, bits: 'search' })
    await expect(searched).rejects.toThrow('ARCHLOOM_SUPER_BIT_')
  })

  it.each([
    ['target', { target: {} }],
    ['target', { target: null as never }],
    ['target', { target: { flops: 0.5 } as never }],
    ['target.bops 2', { target: { bops: 2 } }],
    ['target.bops 0', { target: { bops: 0 } }],
    ['target.bops NaN', { target: { bops: Number.NaN } }],
    ['target.bops "0.1"', { target: { bops: '0.1' as never } }],
    ['target.multiplyAdds -1', { target: { bops: 0.1, multiplyAdds: -1 } }],
    ['data', { data: { ...data, train: { ...data.train, size: 0 } } }],
    ['prune', { prune: 'by hand' as never }],
    ['episodes', { episodes: 0 }],
    ['epochs', { epochs: -1 }],
    ['bits', { bits: 3 as never }],
    ['searchEpochs', { searchEpochs: 0 }],
  ])('refuses a wrong %s', async (option, wrong) => {
    await expect(compress(graph, { target: { bops: 0.1 }, data, ...wrong })).rejects.toThrow(
      new RegExp(`ARCHLOOM_COMPRESS_OPTION: compress received ${option}`),
    )
  })

  it('refuses models that it cannot load, and weights that are not finite', async () => {
    const options = { target: { bops: 0.1 }, data }
    await expect(compress(join(directory, 'nothing'), options)).rejects.toThrow('ARCHLOOM_COMPRESS_SOURCE')
    writeFileSync(join(directory, 'model.json'), '{"modelTopology": tru')
    await expect(compress(directory, options)).rejects.toThrow('ARCHLOOM_COMPRESS_SOURCE')
    for (const nothing of [{}, null, undefined, 7])
      await expect(compress(nothing as never, options)).rejects.toThrow('ARCHLOOM_COMPRESS_SOURCE')
    await expect(compress(graph, undefined as never)).rejects.toThrow('ARCHLOOM_COMPRESS_OPTION')
    using network = graphNetwork(graph)
    tf.tidy(() => network.trainable[0]?.assign(tf.fill(network.trainable[0].shape, Number.NaN)))
    await expect(compress(network, options)).rejects.toThrow('ARCHLOOM_PRUNABLE_WEIGHTS')
  })
})
