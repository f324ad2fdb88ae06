import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { compress, layerGraphOf } from '../../../plugins/compress/index.ts'
import { compareOnnx, exportGraphModel, exportLayersModel, onnxLatency } from '../../../plugins/onnx/index.ts'
import { graphNetwork, type LayerGraph, layerGraph, resNetGraph } from '../../../search-spaces/compression/index.ts'

const data = generatedImages({ train: 96, validation: 48, classes: 3, size: 8 })
const graph = resNetGraph({ depth: 8, widths: [4, 8, 8], size: 8, classes: 3, rng: seeded(1) })

/** Expansion, depthwise convolution, projection and a sum, as in MobileNetV2, with normalisations and swish. */
function bottlenecks(): LayerGraph {
  const rng = seeded(4)
  const drawn = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.4 * rng.normal()),
  })
  const sliding = { stride: 1, dilation: 1, padding: 'same' } as const
  const norm = (channels: number) => {
    const filled = (value: number) => ({ shape: [channels], data: new Float32Array(channels).fill(value) })
    return { op: 'batch-norm', gamma: filled(1.1), beta: drawn(channels), mean: filled(0), variance: filled(1), epsilon: 1e-3 } as const // biome-ignore format: one line
  }
  return {
    inputShape: [8, 8, 3],
    nodes: [
      { ...sliding, op: 'convolution', name: 'stem', inputs: ['input'], kernel: drawn(3, 3, 3, 8), stride: 2 },
      { ...norm(8), name: 'stem/bn', inputs: ['stem'] },
      { op: 'activation', activation: 'relu6', name: 'a', inputs: ['stem/bn'] },
      { ...sliding, op: 'convolution', name: 'expand', inputs: ['a'], kernel: drawn(1, 1, 8, 32) },
      { ...norm(32), name: 'expand/bn', inputs: ['expand'] },
      { op: 'activation', activation: 'swish', name: 'b', inputs: ['expand/bn'] },
      { ...sliding, op: 'depthwise-convolution', name: 'deep', inputs: ['b'], kernel: drawn(3, 3, 32, 1) },
      { ...norm(32), name: 'deep/bn', inputs: ['deep'] },
      { op: 'activation', activation: 'relu6', name: 'c', inputs: ['deep/bn'] },
      { ...sliding, op: 'convolution', name: 'project', inputs: ['c'], kernel: drawn(1, 1, 32, 8) },
      { ...norm(8), name: 'project/bn', inputs: ['project'] },
      { op: 'add', name: 'sum', inputs: ['project/bn', 'a'] },
      { ...norm(8), name: 'last/bn', inputs: ['sum'] },
      { op: 'global-average-pool', name: 'pool', inputs: ['last/bn'] },
      { op: 'dense', name: 'head', inputs: ['pool'], kernel: drawn(8, 3), bias: drawn(3) },
    ],
    output: 'head',
  }
}

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
      target: { bops: 0.03 },
      data,
      episodes: 6,
      epochs: 1,
      seed: 1,
      onProgress: (text: string) => said.push(text),
    })
    expect(small.after.bops / small.before.bops).toBeLessThanOrEqual(0.03)
    expect(small.after.parameters).toBeLessThan(small.before.parameters)
    expect(said.filter((each) => /^pruning \d of 6: keeps .* accuracy/.test(each))).toHaveLength(6)
    expect(said).toHaveLength(9)
    const file = join(directory, 'small.onnx')
    const report = await small.export(file)
    expect(statSync(file).size).toBe(report.bytes)
    expect(report.quantised?.filter(({ weights }) => !/^u?int8$/.test(weights.as))).toEqual([])
    using pruned = small.network()
    const compared = await compareOnnx(pruned, file, data.validation)
    expect(compared.images).toBe(48)
    expect(compared.agreement).toBeGreaterThan(0.9)
    // Bit operations are those of integers, and so is the accuracy.
    expect(compared.fileAccuracy).toBe(small.after.accuracy)
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

  it('leaves layers unpruned whose filters its groups do not divide, and says so; options of the search pass through', async () => {
    const odd = resNetGraph({ depth: 8, widths: [8, 6, 16], size: 8, classes: 3, rng: seeded(1) })
    const options = { data, target: { bops: 0.02 }, bits: 'search', searchEpochs: 1, epochs: 0, seed: 3 } as const
    const said: string[] = []
    const small = await compress(odd, { ...options, onProgress: (text: string) => said.push(text) })
    expect(small.unpruned).toHaveLength(1)
    expect(small.graph.nodes.find(({ name }) => name === small.unpruned[0])).toMatchObject({
      kernel: { shape: [3, 3, 8, 6] },
    })
    expect(said.some((each) => each.includes(`unpruned`) && each.includes(small.unpruned[0]!))).toBe(true)
    expect(said.filter((each) => each.startsWith('searching bits')).length).toBeGreaterThan(0)
    const halves = await compress(odd, {
      ...options,
      bitSearch: { prune: { groupSize: 3 }, ladder: [2, 4], edgeBits: 4 },
    })
    expect(halves.unpruned).toHaveLength(2)
    const bits = halves.quantised?.layers.map(({ weights }) => weights) ?? []
    expect(bits.every((each) => each === 2 || each === 4)).toBe(true)
  })

  it('takes folders of graph models, our own of a network with inverted bottlenecks too', async () => {
    const source = bottlenecks()
    const folder = join(directory, 'bottlenecks')
    using network = graphNetwork(source)
    for (const variable of network.state)
      tf.tidy(() => variable.assign(tf.randomUniform(variable.shape, 0.5, 2, 'float32', 3) as tf.Tensor))
    await exportGraphModel(network, folder)
    const graph = await layerGraphOf(folder)
    using again = graphNetwork(graph)
    tf.tidy(() => {
      const x = tf.randomNormal([3, 8, 8, 3], 0, 1, 'float32', 1)
      const [a, b] = [network, again].map((each) => each.apply(x, { training: false }))
      expect(tf.max(tf.abs(tf.sub(a!, b!))).dataSync()[0]).toBeLessThan(
        1e-5 * (tf.max(tf.abs(a!)).dataSync()[0] as number),
      )
    })
    const small = await compress(folder, { target: { multiplyAdds: 0.6 }, data, prune: 'uniform', epochs: 1 })
    expect(small.after.multiplyAdds).toBeLessThanOrEqual(0.6 * small.before.multiplyAdds)
    // What was made of it can be taken in again.
    using made = small.network()
    expect((await layerGraphOf(made)).nodes.length).toBe(small.graph.nodes.length)
  })

  it('leaves a softmax at the end out, whatever the source', async () => {
    const model = layers.sequential({
      layers: [
        layers.layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, strides: 2, kernelInitializer: layers.initializers.heNormal({ seed: 1 }) }), // biome-ignore format: one line
        layers.layers.flatten(),
        layers.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: layers.initializers.heNormal({ seed: 2 }) }), // biome-ignore format: one line
      ],
    })
    const folder = join(directory, 'softmax')
    await exportLayersModel(await layerGraphOf(model), folder)
    const logits = await layerGraphOf(model)
    expect(logits.nodes.at(-1)?.op).toBe('dense')
    const graph = join(directory, 'softmax-graph')
    const last = { op: 'activation', activation: 'softmax', name: 'last', inputs: [logits.output] } as const
    using network = graphNetwork({ ...logits, nodes: [...logits.nodes, last], output: 'last' })
    await exportGraphModel(network, graph)
    await exportLayersModel(network, folder)
    for (const source of [graph, folder, network, network.graph]) {
      const { nodes, output } = await layerGraphOf(source)
      expect(nodes.find(({ name }) => name === output)?.op).toBe('dense')
    }
    await expect(layerGraph(network)).rejects.toThrow(/ARCHLOOM_PRUNABLE_LAYER.*Softmax/)
    model.dispose()
  })

  it('measures episodes on a sample of the validation images, and bits alone where nothing can be pruned', async () => {
    const options = { data, target: { multiplyAdds: 0.6 }, episodes: 3, epochs: 0, seed: 1 }
    const said: string[] = []
    const small = await compress(graph, {
      ...options,
      episodeImages: 10,
      onProgress: (text: string) => said.push(text),
    })
    const accuracies = said.flatMap((each) => /accuracy ([\d.]+), best/.exec(each)?.[1] ?? [])
    expect(accuracies.length).toBe(3)
    for (const each of accuracies) expect(10 * Number(each)).toBeCloseTo(Math.round(10 * Number(each)), 6)
    expect(small.unpruned).toEqual([])
    const one = await compress(
      { inputShape: [8, 8, 3], nodes: [{ op: 'flatten', name: 'f', inputs: ['input'] }, { op: 'dense', name: 'd', inputs: ['f'], kernel: { shape: [192, 3], data: Float32Array.from({ length: 576 }, (_, i) => Math.sin(i)) } }], output: 'd' }, // biome-ignore format: one line
      { data, target: { bops: 0.0625 } },
    )
    expect(one.after.bops / one.before.bops).toBe(0.0625)
  })

  it('says what the least is that can be reached', async () => {
    const asked = { data, prune: 'uniform', epochs: 0, bits: 8 } as const
    await expect(compress(graph, { ...asked, target: { bops: 0.001 } })).rejects.toThrow(
      /ARCHLOOM_COMPRESS_TARGET: a share of 0.001 of the bit operations.*the smallest reachable share is 0\.0\d+/,
    )
    await expect(compress(graph, { ...asked, target: { multiplyAdds: 0.01 } })).rejects.toThrow('multiply-adds')
    const searched = compress(graph, { data, target: { bops: 0.0001 }, bits: 'search' })
    await expect(searched).rejects.toThrow('ARCHLOOM_SUPER_BIT_')
  })

  it.each([
    ['target', { target: {} }],
    ['target', { target: null as never }],
    ['target.flops', { target: { flops: 0.5 } as never }],
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
    ['episodeImages', { episodeImages: 0.5 }],
    ['bitSearch.ladders', { bitSearch: { ladders: [2, 4] } as never }],
  ])('refuses a wrong %s', async (option, wrong) => {
    await expect(compress(graph, { target: { bops: 0.1 }, data, ...wrong })).rejects.toThrow(
      new RegExp(
        `ARCHLOOM_OPTION: compress(: option| has no option) "(${option.split(' ')[0]}|${option.split('.').at(-1)})"`,
      ),
    )
  })

  it('refuses models that it cannot load, and weights that are not finite', async () => {
    const options = { target: { bops: 0.1 }, data }
    await expect(compress(join(directory, 'nothing'), options)).rejects.toThrow('ARCHLOOM_COMPRESS_SOURCE')
    writeFileSync(join(directory, 'model.json'), '{"modelTopology": tru')
    await expect(compress(directory, options)).rejects.toThrow('ARCHLOOM_COMPRESS_SOURCE')
    for (const nothing of [{}, null, undefined, 7])
      await expect(compress(nothing as never, options)).rejects.toThrow('ARCHLOOM_COMPRESS_SOURCE')
    await expect(compress(graph, undefined as never)).rejects.toThrow('ARCHLOOM_OPTION')
    using network = graphNetwork(graph)
    tf.tidy(() => network.trainable[0]?.assign(tf.fill(network.trainable[0].shape, Number.NaN)))
    await expect(compress(network, options)).rejects.toThrow('ARCHLOOM_PRUNABLE_WEIGHTS')
  })
})
