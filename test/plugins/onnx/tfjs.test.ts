import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadGraphModel } from '@tensorflow/tfjs-converter'
import * as tf from '@tensorflow/tfjs-core'
import { loadLayersModel } from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, network, type ScopedNetwork, useEngine, variableScope } from '../../../core/tensor/index.ts'
import type { Network } from '../../../core/trainer.ts'
import {
  exportGraphModel,
  exportLayersModel,
  importGraphModel,
  importLayersModel,
} from '../../../plugins/onnx/index.ts'
import { graphNetwork, resNetGraph } from '../../../search-spaces/compression/index.ts'
import { superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'
import { spaceCases } from '../../search-spaces/spaces.ts'

let directory: string
let folders = 0
const folder = () => join(directory, `model-${++folders}`)
beforeAll(async () => {
  await useEngine('wasm')
  directory = mkdtempSync(join(tmpdir(), 'archloom-tfjs-'))
}, 60_000)
afterAll(() => rmSync(directory, { recursive: true }))

/** The official loaders read files through a handler in this process. */
const handler = (path: string) => {
  const json = JSON.parse(readFileSync(join(path, 'model.json'), 'utf8'))
  const [{ paths, weights }] = json.weightsManifest
  const bytes = Buffer.concat(paths.map((name: string) => readFileSync(join(path, name))))
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const { modelTopology, format, signature } = json
  return tf.io.fromMemory({ modelTopology, format, signature, weightSpecs: weights, weightData })
}

const inputs = (net: Network, batch = 4) => tf.randomUniform([batch, ...net.inputShape], -1, 1, 'float32', 5)

/** Greatest difference relative to the largest output. */
function difference(net: Network, other: (x: tf.Tensor) => tf.Tensor, batch = 4): number {
  return tf.tidy(() => {
    const x = inputs(net, batch)
    const [a, b] = [net.apply(x, { training: false }), other(x)]
    expect(b.shape).toEqual(a.shape)
    const scale = Math.max(1e-30, tf.max(tf.abs(a)).dataSync()[0] as number)
    return (tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] as number) / scale
  })
}

function stir(net: Network): void {
  for (const variable of net.state)
    tf.tidy(() => variable.assign(tf.randomUniform(variable.shape, 0.5, 2, 'float32', 11) as tf.Tensor))
}

const trained = () => {
  const net = graphNetwork(resNetGraph({ depth: 8, widths: [4, 8, 8], size: 8, classes: 3, rng: seeded(2) }))
  stir(net)
  return net
}

describe('graph models', () => {
  for (const { space, input } of spaceCases)
    it(`of ${space.name} are loaded by the official loader, and by ours`, async () => {
      const rng = seeded(2)
      using net = space.build(space.decode(space.random(rng)), { input, classes: 3, rng })
      stir(net)
      const path = folder()
      const report = await exportGraphModel(net, path)
      expect(report.bytes).toBeGreaterThan(100)
      const official = await loadGraphModel(handler(path) as never)
      expect(difference(net, (x) => official.execute(x) as tf.Tensor)).toBeLessThan(1e-5)
      official.dispose()
      using ours = await importGraphModel(path)
      expect(difference(net, (x) => ours.apply(x, { training: false }))).toBeLessThan(1e-5)
    })

  it('of super-resolution networks', async () => {
    const space = superResolutionSpace({ scale: 2, channels: 4, nodes: 2, cells: 3 })
    for (const seed of [1, 2]) {
      const rng = seeded(seed)
      using net = space.build(space.decode(space.random(rng)), { input: [5, 6, 3], classes: 0, rng })
      const path = folder()
      await exportGraphModel(net, path)
      const official = await loadGraphModel(handler(path) as never)
      expect(difference(net, (x) => official.execute(x) as tf.Tensor)).toBeLessThan(1e-5)
      official.dispose()
      using ours = await importGraphModel(path)
      expect(difference(net, (x) => ours.apply(x, { training: false }))).toBeLessThan(1e-5)
    }
  })

  it('can be trained further, and leave no tensor behind', async () => {
    const run = async () => {
      using net = trained()
      const path = folder()
      await exportGraphModel(net, path)
      using ours = await importGraphModel(path)
      expect(ours.trainable.length).toBeGreaterThan(10)
      const { value, grads } = tf.variableGrads(
        () => tf.sum(tf.square(ours.apply(inputs(ours, 2), { training: true }))) as tf.Scalar,
        [...ours.trainable],
      )
      expect(Object.keys(grads)).toHaveLength(ours.trainable.length)
      tf.dispose([value, grads])
    }
    expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
  })

  it('name what they cannot hold or read', async () => {
    const scope = variableScope({ rng: seeded(1) })
    using net = network({ scope, inputShape: [3], outputShape: [3], apply: (x) => tf.cumsum(x, 1) })
    await expect(exportGraphModel(net, folder())).rejects.toThrow(/ARCHLOOM_TFJS_KERNEL_UNSUPPORTED.*"Cumsum".*Conv2D/)
    const path = folder()
    using sound = trained()
    await exportGraphModel(sound, path)
    const file = join(path, 'model.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"op":"Relu"', '"op":"LRN"'))
    await expect(importGraphModel(path)).rejects.toThrow(/ARCHLOOM_TFJS_OPERATOR.*"LRN".*Conv2D/)
  })
})

describe('layers models', () => {
  it('are loaded by the official loader, and by ours', async () => {
    using net = trained()
    const path = folder()
    const report = await exportLayersModel(net, path)
    expect(report.operators).toMatchObject({ Conv2D: 9, Dense: 1, Add: 3 })
    const official = await loadLayersModel(handler(path) as never)
    expect(difference(net, (x) => official.predict(x) as tf.Tensor)).toBeLessThan(1e-5)
    official.dispose()
    using ours = await importLayersModel(path)
    expect(difference(net, (x) => ours.apply(x, { training: false }))).toBeLessThan(1e-5)
  })

  for (const { space, input } of spaceCases.filter(({ space: { name } }) => /^(toy|chain|nas-bench-macro)/.test(name)))
    it(`of ${space.name}`, async () => {
      const rng = seeded(2)
      using net = space.build(space.decode(space.random(rng)), { input, classes: 3, rng })
      stir(net)
      const path = folder()
      await exportLayersModel(net, path)
      const official = await loadLayersModel(handler(path) as never)
      expect(difference(net, (x) => official.predict(x) as tf.Tensor)).toBeLessThan(1e-5)
      official.dispose()
    })

  it('name a node that has no layer', async () => {
    const graph = resNetGraph({
      depth: 8,
      widths: [4, 8, 8],
      size: 8,
      classes: 3,
      shortcut: 'identity',
      rng: seeded(2),
    })
    await expect(exportLayersModel(graph, folder())).rejects.toThrow(/ARCHLOOM_TFJS_LAYER.*pad-channels.*convolution/)
  })
})

describe('folders', () => {
  it('that are absent, truncated or foreign are refused', async () => {
    using net: ScopedNetwork = trained()
    const path = folder()
    await exportGraphModel(net, path)
    const read = () => importGraphModel(path)
    await expect(importGraphModel(folder())).rejects.toThrow('ARCHLOOM_TFJS_FOLDER')
    await expect(importLayersModel(path)).rejects.toThrow(/ARCHLOOM_TFJS_FOLDER.*format is "graph-model"/)
    const [shard] = readdirSync(path).filter((name) => name.endsWith('.bin')) as [string]
    const whole = readFileSync(join(path, shard))
    writeFileSync(join(path, shard), whole.subarray(0, whole.length - 8))
    await expect(read()).rejects.toThrow(/ARCHLOOM_TFJS_FOLDER.*truncated/)
    rmSync(join(path, shard))
    await expect(read()).rejects.toThrow('ARCHLOOM_TFJS_FOLDER')
    writeFileSync(join(path, 'model.json'), '{"format":')
    await expect(read()).rejects.toThrow(/ARCHLOOM_TFJS_FOLDER.*not JSON/)
  })

  it('spread large weights over shards', async () => {
    const scope = variableScope({ rng: seeded(1) })
    const kernel = scope.weight('kernel', [1200, 1000], (shape) => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.001)) // biome-ignore format: one line
    const apply = (x: tf.Tensor) => tf.matMul(x as tf.Tensor2D, kernel as never)
    using net = network({ scope, inputShape: [1200], outputShape: [1000], apply })
    const path = folder()
    await exportGraphModel(net, path)
    expect(readdirSync(path).sort()).toEqual(['group1-shard1of2.bin', 'group1-shard2of2.bin', 'model.json'])
    using ours = await importGraphModel(path)
    expect(difference(net, (x) => ours.apply(x, { training: false }), 1)).toBeLessThan(1e-5)
  })
})
