import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { useEngine } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import {
  coupleChannels,
  graphNetwork,
  importLayersModel,
  type SavableModel,
} from '../../../search-spaces/compression/prunable.ts'

await useEngine('wasm')

const image = { inputShape: [8, 8, 3] }
let seed = 1
const normal = () => layers.initializers.randomNormal({ stddev: 0.5, seed: seed++ })
const positive = () => layers.initializers.randomUniform({ minval: 0.5, maxval: 1.5, seed: seed++ })
const norm = () =>
  layers.layers.batchNormalization({
    gammaInitializer: positive(),
    betaInitializer: normal(),
    movingMeanInitializer: normal(),
    movingVarianceInitializer: positive(),
  })
const conv = (filters: number, more: object = {}) =>
  layers.layers.conv2d({
    filters,
    kernelSize: 3,
    padding: 'same',
    kernelInitializer: normal(),
    biasInitializer: normal(),
    ...more,
  })

const dense = (units: number, activation?: 'softmax' | 'relu') =>
  layers.layers.dense({ units, kernelInitializer: normal(), ...(activation && { activation }) })

const models: Readonly<Record<string, () => layers.LayersModel>> = {
  'sequential, with a last softmax': () =>
    layers.sequential({
      layers: [
        conv(6, { ...image, activation: 'relu' }),
        layers.layers.maxPooling2d({ poolSize: 2 }),
        norm(),
        layers.layers.leakyReLU({ alpha: 0.1 }),
        layers.layers.dropout({ rate: 0.5 }),
        layers.layers.flatten(),
        dense(5, 'relu'),
        dense(4, 'softmax'),
      ],
    }),
  'functional, residual, depthwise and separable': () => {
    const input = layers.input({ shape: [8, 8, 3] })
    const apply = (layer: layers.layers.Layer, ...x: layers.SymbolicTensor[]) =>
      layer.apply(x.length === 1 ? (x[0] as layers.SymbolicTensor) : x) as layers.SymbolicTensor
    const stem = apply(layers.layers.reLU(), apply(norm(), apply(conv(6, { strides: 2, useBias: false }), input)))
    const inside = apply(
      layers.layers.depthwiseConv2d({
        kernelSize: 3,
        padding: 'same',
        depthMultiplier: 2,
        depthwiseInitializer: normal(),
        activation: 'relu6',
      }),
      stem,
    )
    const separable = layers.layers.separableConv2d({
      filters: 6,
      kernelSize: 3,
      padding: 'same',
      depthwiseInitializer: normal(),
      pointwiseInitializer: normal(),
    })
    const sum = apply(layers.layers.add(), apply(separable, inside), stem)
    const side = apply(layers.layers.concatenate(), sum, apply(layers.layers.activation({ activation: 'tanh' }), sum))
    const padded = apply(
      layers.layers.zeroPadding2d({
        padding: [
          [1, 0],
          [0, 2],
        ],
      }),
      side,
    )
    const pooled = apply(layers.layers.averagePooling2d({ poolSize: 2, padding: 'same' }), padded)
    const features = apply(layers.layers.globalAveragePooling2d({}), apply(conv(5), pooled))
    return layers.model({ inputs: input, outputs: apply(dense(4), features) })
  },
}

const logitsOf = (model: layers.LayersModel, x: tf.Tensor) => {
  const y = model.predict(x) as tf.Tensor
  // The last softmax is left out: softmax of logits must be the model's output.
  return y.dataSync()
}

describe.each(Object.entries(models))('a LayersModel, %s', (name, make) => {
  it('becomes a graph that computes the same, from the model, its parts and its files', async () => {
    const model = make()
    const x = tf.randomNormal([3, 8, 8, 3], 0, 1, 'float32', 4)
    const expected = logitsOf(model, x)
    const before = tf.memory().numTensors
    const graph = await importLayersModel(model as unknown as SavableModel)
    expect(tf.memory().numTensors).toBe(before)
    {
      using net = graphNetwork(graph)
      const received = tf.tidy(() => {
        const logits = net.apply(x, { training: false }) as tf.Tensor2D
        return (name.includes('softmax') ? tf.softmax(logits) : logits).dataSync()
      })
      for (let i = 0; i < expected.length; i++) expect(received[i]).toBeCloseTo(expected[i] as number, 4)
    }
    expect(coupleChannels(graph).groups.length).toBeGreaterThan(0)

    const directory = mkdtempSync(join(tmpdir(), 'archloom-model-'))
    try {
      await model.save({
        save: async ({ modelTopology, weightSpecs = [], weightData }) => {
          const path = join(directory, 'model.json')
          const json = { modelTopology, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] }
          writeFileSync(path, JSON.stringify(json))
          writeFileSync(join(directory, 'weights.bin'), Buffer.from(weightData as ArrayBuffer))
          return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } }
        },
      })
      expect(await importLayersModel(join(directory, 'model.json'))).toEqual(graph)
      expect(await importLayersModel(pathToFileURL(join(directory, 'model.json')).href)).toEqual(graph)
    } finally {
      rmSync(directory, { recursive: true })
    }
    model.dispose()
    x.dispose()
  })
})

describe('what cannot be imported', () => {
  const importing = async (...list: layers.layers.Layer[]) => {
    const model = layers.sequential({ layers: list })
    await importLayersModel(model as unknown as SavableModel).finally(() => model.dispose())
  }

  it('ARCHLOOM_PRUNABLE_LAYER names the layer and what is supported', async () => {
    // Of sequences: the layer is named, not the shape of what it reads.
    const sequences = { inputShape: [4, 3], recurrentInitializer: 'zeros' as const }
    await expect(importing(layers.layers.lstm({ name: 'memory', units: 2, ...sequences }))).rejects.toThrow(
      /ARCHLOOM_PRUNABLE_LAYER: layer "memory" is of type "LSTM".*Conv2D/,
    )
    const upsampling = layers.layers.upSampling2d({ name: 'grow', ...image } as object)
    await expect(importing(upsampling)).rejects.toThrow(
      /ARCHLOOM_PRUNABLE_LAYER: layer "grow" is of type "UpSampling2D".*Conv2D.*GlobalAveragePooling2D/,
    )
    await expect(importing(conv(4, { ...image, strides: [1, 2] }))).rejects.toThrow(/strides \[1, 2\] differ/)
    await expect(importing(conv(4, { ...image, activation: 'selu' }))).rejects.toThrow(/activation selu/)
    await expect(importing(conv(4, { ...image, activation: 'softmax' }), conv(2))).rejects.toThrow(/not the last layer/)
  })

  it('ARCHLOOM_PRUNABLE_MODEL says what the model lacks', async () => {
    await expect(importing(layers.layers.dense({ units: 3, inputShape: [7] }))).rejects.toThrow(
      /ARCHLOOM_PRUNABLE_MODEL.*\[null, 7\].*fixed size/,
    )
    await expect(importLayersModel({})).rejects.toThrow(/ARCHLOOM_PRUNABLE_MODEL.*Sequential/)
    const config = { layers: [{ class_name: 'Flatten', config: { name: 'a', batch_input_shape: [null, 8, 8, 3] } }] }
    const modelTopology = { class_name: 'Sequential', config }
    await expect(importLayersModel({ modelTopology })).rejects.toThrow(/no weights/)
  })
})
