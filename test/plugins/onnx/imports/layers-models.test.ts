import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Random, seeded } from '../../../../core/random.ts'
import { useEngine } from '../../../../core/tensor/index.ts'
import {
  exportGraphModel,
  exportLayersModel,
  importGraphModel,
  importLayersModel,
} from '../../../../plugins/onnx/index.ts'
import {
  activationNames,
  importLayersModel as importLayerGraph,
  type LayerGraph,
} from '../../../../search-spaces/compression/index.ts'
import { difference, floats, handler, saveLayersModel, scratch, writeModel } from './model-files.ts'

const files = scratch('layers-models')
beforeAll(() => useEngine('wasm') as Promise<unknown>)
afterAll(files.remove)

let seed = 1
const normal = () => layers.initializers.randomNormal({ stddev: 0.5, seed: seed++ })
const positive = () => layers.initializers.randomUniform({ minval: 0.5, maxval: 1.5, seed: seed++ })
const started = { kernelInitializer: normal, biasInitializer: normal }
const start = () => ({ kernelInitializer: started.kernelInitializer(), biasInitializer: started.biasInitializer() })

const activations = [
  ...['linear', 'relu', 'relu6', 'sigmoid', 'tanh', 'elu', 'selu', 'softplus', 'softsign', 'swish', 'mish', 'gelu'],
  ...['hardSigmoid', 'softmax'],
] as const

type Value = layers.SymbolicTensor
const apply = (layer: layers.layers.Layer, ...x: Value[]) => layer.apply(x.length === 1 ? x[0]! : x) as Value

/** One layer on images, drawn at random. */
function imageLayer(rng: Random, x: Value): Value {
  const one = <T>(...values: readonly T[]): T => values[rng.int(values.length)] as T
  const activation = one(...activations) as 'relu'
  const padding = one('same', 'valid')
  const [height, width, channels] = x.shape.slice(1) as [number, number, number]
  const room = Math.min(height, width) >= 4
  const kernelSize = room ? one(1, 2, 3) : 1
  const kinds: (() => Value)[] = [
    () => apply(layers.layers.conv2d({ filters: one(3, 4), kernelSize, padding, strides: one(1, 2), activation, useBias: one(true, false), ...start() }), x), // biome-ignore format: one line
    () => apply(layers.layers.conv2d({ filters: 3, kernelSize: room ? [2, 3] : 1, padding: 'same', dilationRate: one(1, 2), activation, ...start() }), x), // biome-ignore format: one line
    () => apply(layers.layers.depthwiseConv2d({ kernelSize, padding, depthMultiplier: one(1, 2), activation, depthwiseInitializer: normal(), biasInitializer: normal() }), x), // biome-ignore format: one line
    () => apply(layers.layers.separableConv2d({ filters: 4, kernelSize, padding, depthwiseInitializer: normal(), pointwiseInitializer: normal(), biasInitializer: normal() }), x), // biome-ignore format: one line
    () => apply(layers.layers.conv2dTranspose({ filters: 3, kernelSize: one(2, 3), strides: one(1, 2), padding, activation, ...start() }), x), // biome-ignore format: one line
    () => apply(layers.layers.batchNormalization({ scale: one(true, false), center: one(true, false), epsilon: one(1e-3, 1e-2), gammaInitializer: positive(), betaInitializer: normal(), movingMeanInitializer: normal(), movingVarianceInitializer: positive() }), x), // biome-ignore format: one line
    () => apply(layers.layers.layerNormalization({ gammaInitializer: positive(), betaInitializer: normal() }), x),
    () => apply(layers.layers.maxPooling2d({ poolSize: room ? one(2, 3) : 1, strides: one(1, 2), padding }), x),
    () => apply(layers.layers.averagePooling2d({ poolSize: room ? [2, 3] : 1, strides: one(1, 2), padding }), x),
    () => apply(layers.layers.upSampling2d({ size: [2, 3], interpolation: one('nearest', 'bilinear') } as never), x),
    () => apply(layers.layers.zeroPadding2d({ padding: [[1, 0], [2, 1]] }), x), // biome-ignore format: one line
    () => apply(layers.layers.cropping2D({ cropping: room ? [[1, 1], [0, 2]] : [[0, 0], [0, 0]] }), x), // biome-ignore format: one line
    () => apply(layers.layers.dense({ units: 4, activation, ...start() }), x),
    () => apply(layers.layers.activation({ activation }), x),
    () => apply(layers.layers.leakyReLU({ alpha: one(0.1, 0.3) }), x),
    () => apply(layers.layers.elu({}), x),
    () => apply(layers.layers.prelu({ alphaInitializer: normal(), sharedAxes: [1, 2] }), x),
    () => apply(layers.layers.reLU({ maxValue: one(6, 1) }), x),
    () => apply(layers.layers.thresholdedReLU({ theta: 0.2 }), x),
    () => apply(layers.layers.permute({ dims: [2, 1, 3] }), x),
    () => apply(layers.layers.rescaling({ scale: 0.25, offset: -0.5 }), x),
    () => apply(layers.layers.dropout({ rate: 0.3 }), x),
    () => apply(layers.layers.reshape({ targetShape: [width, height, channels] }), x),
    () => apply(layers.layers[one('add', 'multiply', 'average', 'maximum', 'minimum')](), x, apply(layers.layers.activation({ activation: 'tanh' }), x)), // biome-ignore format: one line
    () => apply(layers.layers.concatenate({ axis: one(-1, 3, 1) }), x, apply(layers.layers.activation({ activation: 'sigmoid' }), x)), // biome-ignore format: one line
    () => apply(layers.sequential({ layers: [layers.layers.conv2d({ filters: 3, kernelSize: 1, inputShape: [height, width, channels], activation, ...start() }), layers.layers.reLU()] }) as never, x), // biome-ignore format: one line
  ]
  return one(...kinds)()
}

function randomModel(at: number): layers.LayersModel {
  const rng = seeded(at)
  const input = layers.input({ shape: [6, 7, 2] })
  let x: Value = input
  for (let i = 0; i < 5; i++) x = imageLayer(rng, x)
  const side = apply(layers.layers.flatten(), x)
  const features = apply(layers.layers[rng.int(2) ? 'globalAveragePooling2d' : 'globalMaxPooling2d']({}), x)
  const head = apply(layers.layers.dense({ units: 3, activation: 'softmax', ...start() }), features)
  const other = apply(layers.layers.dense({ units: 2, activation: 'tanh', ...start() }), side)
  return layers.model({ inputs: input, outputs: rng.int(2) ? [head, other] : head })
}

describe('a LayersModel of random layers', () => {
  it.each(Array.from({ length: 60 }, (_, i) => i + 1))('computes what tf.js computes: %i', async (at) => {
    const model = randomModel(at)
    const path = await saveLayersModel(model, files.next())
    using ours = await importLayersModel(path)
    tf.tidy(() => {
      const x = tf.randomNormal([3, 6, 7, 2], 0, 1, 'float32', at)
      const expected = [model.predict(x)].flat() as tf.Tensor[]
      const received = Object.values(ours.applyAll(x, { training: false }))
      expect(received).toHaveLength(expected.length)
      for (const [i, each] of expected.entries()) expect(difference(received[i]!, each)).toBeLessThan(1e-5)
      expect(difference(ours.apply(x, { training: false }), expected[0]!)).toBeLessThan(1e-5)
    })
    model.dispose()
  })

  it('of sequences', async () => {
    const model = layers.sequential({
      layers: [
        layers.layers.conv1d({ filters: 4, kernelSize: 3, padding: 'valid', inputShape: [9, 2], ...start() }),
        layers.layers.maxPooling1d({ poolSize: 2 }),
        layers.layers.conv1d({ filters: 3, kernelSize: 2, padding: 'same', dilationRate: 2, ...start() }),
        layers.layers.averagePooling1d({ poolSize: 2, strides: 1, padding: 'same' }),
        layers.layers.globalAveragePooling1d({}),
        layers.layers.repeatVector({ n: 3 }),
        layers.layers.flatten(),
        layers.layers.dense({ units: 4, ...start() }),
      ],
    })
    using ours = await importLayersModel(await saveLayersModel(model, files.next()))
    tf.tidy(() => {
      const x = tf.randomNormal([2, 9, 2], 0, 1, 'float32', 1)
      expect(difference(ours.apply(x, { training: false }), model.predict(x) as tf.Tensor)).toBeLessThan(1e-5)
    })
  })

  it('of a causal convolution, and of ELU with another scale, which tf.js does not compute', async () => {
    const causal = { name: 'c', filters: 1, kernel_size: [3], strides: [1], dilation_rate: [2], padding: 'causal' }
    const list = [
      { class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, 6, 1] } },
      { class_name: 'Conv1D', config: { ...causal, use_bias: false } },
      { class_name: 'ELU', config: { name: 'e', alpha: 0.5 } },
    ]
    const modelTopology = { class_name: 'Sequential', config: { name: 's', layers: list } }
    using ours = await importLayersModel(
      writeModel(files.next(), { modelTopology }, [floats('c/kernel', [3, 1, 1], [4, 2, 1])]),
    )
    const x = [1, -2, 3, -4, 5, -6]
    const sums = x.map((value, i) => value + 2 * (x[i - 2] ?? 0) + 4 * (x[i - 4] ?? 0))
    const y = tf.tidy(() => [...ours.apply(tf.tensor3d(x, [1, 6, 1]), { training: false }).dataSync()])
    for (const [i, sum] of sums.entries()) expect(y[i]).toBeCloseTo(sum < 0 ? 0.5 * Math.expm1(sum) : sum, 5)
  })

  it('that share a layer, and open sizes, are read', async () => {
    const input = layers.input({ shape: [null, null, 2] })
    const shared = layers.layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', ...start() })
    const y = apply(layers.layers.upSampling2d({ size: [2, 2] }), apply(shared, apply(shared, input)))
    const model = layers.model({ inputs: input, outputs: y })
    const path = await saveLayersModel(model, files.next())
    await expect(importLayersModel(path)).rejects.toThrow(/ARCHLOOM_IMPORT_INPUT.*\[open, open, 2\].*option input/)
    await expect(importLayersModel(path, { input: [5, 5, 3] })).rejects.toThrow('ARCHLOOM_OPTION')
    await expect(importLayersModel(path, { inputs: [5, 5, 2] } as never)).rejects.toThrow('ARCHLOOM_OPTION')
    await expect(importLayersModel(path, { input: [5, 5, 2], output: 'y' })).rejects.toThrow('ARCHLOOM_OPTION')
    using ours = await importLayersModel(path, { input: [5, 6, 2] })
    expect(ours.trainable).toHaveLength(2)
    tf.tidy(() => {
      const x = tf.randomNormal([1, 5, 6, 2], 0, 1, 'float32', 1)
      expect(difference(ours.apply(x, { training: false }), model.predict(x) as tf.Tensor)).toBeLessThan(1e-5)
      const other = tf.randomNormal([1, 3, 8, 2], 0, 1, 'float32', 2)
      const larger = ours.upscale?.(other, { training: false }) as tf.Tensor
      expect(difference(larger, model.predict(other) as tf.Tensor)).toBeLessThan(1e-5)
    })
  })

  it('can be trained further, but for layers that the file freezes', async () => {
    const frozen = layers.layers.conv2d({ filters: 3, kernelSize: 1, inputShape: [4, 4, 2], ...start() })
    const norm = layers.layers.batchNormalization({})
    const model = layers.sequential({
      layers: [frozen, norm, layers.layers.flatten(), layers.layers.dense({ units: 2 })],
    })
    frozen.trainable = false
    using ours = await importLayersModel(await saveLayersModel(model, files.next()))
    expect(
      ours.scope
        .list()
        .flatMap(({ path, kind }) => (kind === 'state' ? [path.split('/').at(-1)] : []))
        .sort(),
    ).toEqual(['bias', 'kernel', 'moving_mean', 'moving_variance'])
    const { value, grads } = tf.variableGrads(
      () => tf.sum(ours.apply(tf.ones([2, 4, 4, 2]), { training: true })) as tf.Scalar,
      [...ours.trainable],
    )
    expect(Object.keys(grads)).toHaveLength(4)
    tf.dispose([value, grads])
  })
})

const conv = (name: string, config: object = {}, inbound?: unknown) => ({
  class_name: 'Conv2D',
  name,
  config: { name, filters: 2, kernel_size: [1, 1], strides: [1, 1], padding: 'same', ...config },
  ...(inbound !== undefined && { inbound_nodes: inbound }),
})
const shape = [null, 2, 2, 2]
const sequential = (...list: object[]) => ({
  modelTopology: {
    keras_version: '2.10.0',
    model_config: {
      class_name: 'Sequential',
      config: {
        name: 's',
        layers: [{ class_name: 'InputLayer', config: { name: 'in', batch_input_shape: shape } }, ...list],
      },
    },
  },
})
const eye = (scale: number) => [scale, 0, 0, scale]

describe('weights', () => {
  const both = (first: string, second: string) =>
    sequential(conv(first, { use_bias: false }), conv(second, { use_bias: false }))
  const product = async (fields: object, ...weights: ReturnType<typeof floats>[]) => {
    const path = writeModel(files.next(), fields, weights)
    using ours = await importLayersModel(path)
    const network = tf.tidy(() => ours.apply(tf.ones([1, 2, 2, 2]), { training: false }).dataSync()[0])
    const { nodes } = (await importLayerGraph(path)) as LayerGraph
    const kernels = nodes.map((node) => ('kernel' in node && 'data' in node.kernel ? node.kernel.data[0] : 0))
    expect(kernels.reduce<number>((all, each) => all * (each ?? 0), 1)).toBe(network)
    return kernels
  }

  it('are found by their exact name first: a layer never gets those of another whose name ends so', async () => {
    const [a, b] = [floats('block1/conv/kernel', [1, 1, 2, 2], eye(3)), floats('conv/kernel', [1, 1, 2, 2], eye(5))]
    expect(await product(both('block1/conv', 'conv'), a, b)).toEqual([3, 5])
    expect(await product(both('conv', 'block1/conv'), b, a)).toEqual([5, 3])
    expect(await product(both('block1/conv', 'conv'), b, a)).toEqual([3, 5])
  })

  it('are found behind the scopes that other versions put before them, where that is not ambiguous', async () => {
    const [a, b] = [floats('model/a/kernel', [1, 1, 2, 2], eye(3)), floats('model/b/kernel', [1, 1, 2, 2], eye(5))]
    expect(await product(both('a', 'b'), a, b)).toEqual([3, 5])
    expect(await product(both('a', 'b'), floats('a/kernel:0', [1, 1, 2, 2], eye(2)), b)).toEqual([2, 5])
    const missing = product(both('block1/conv', 'conv'), floats('block1/conv/kernel', [1, 1, 2, 2], eye(3)))
    await expect(missing).rejects.toThrow(/ARCHLOOM_PRUNABLE_MODEL.*no weight "conv\/kernel"/)
    const twice = product(both('a', 'b'), a, b, floats('other/b/kernel', [1, 1, 2, 2], eye(7)))
    await expect(twice).rejects.toThrow(/ARCHLOOM_PRUNABLE_MODEL.*2 weights that could be "b\/kernel".*other\/b/)
  })

  it('of normalisations named as in DenseNet', async () => {
    const norm = (name: string) => ({ class_name: 'BatchNormalization', config: { name, axis: [3], epsilon: 0 } })
    const parts = (name: string, gamma: number) =>
      (['gamma', 'beta', 'moving_mean', 'moving_variance'] as const).map(
        (part, i) =>
        floats(`${name}/${part}`, [2], [[gamma, gamma], [0, 0], [0, 0], [1, 1]][i]!), // biome-ignore format: one line
      )
    const path = writeModel(files.next(), sequential(norm('conv1/bn'), norm('bn')), [
      ...parts('conv1/bn', 3),
      ...parts('bn', 5),
    ])
    using ours = await importLayersModel(path)
    const y = tf.tidy(() => ours.apply(tf.ones([1, 2, 2, 2]), { training: false }).dataSync()[0])
    expect(y).toBeCloseTo(15, 5)
    const { nodes } = await importLayerGraph(path)
    expect(nodes.map((node) => node.op === 'batch-norm' && node.gamma?.data[0])).toEqual([3, 5])
  })

  it.each([
    ['uint8', { dtype: 'uint8', scale: 0.01, min: -1 }, Uint8Array.of(0, 100, 200, 255)],
    ['uint16', { dtype: 'uint16', scale: 0.0001, min: -3 }, Uint16Array.of(0, 1, 40_000, 65_535)],
    ['float16', { dtype: 'float16' }, Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff)],
  ] as const)('stored as %s are those that tf.js reads', async (_, quantization, codes) => {
    const kernel = { ...floats('a/kernel', [1, 1, 2, 2], []), quantization, bytes: new Uint8Array(codes.buffer) }
    const path = writeModel(files.next(), sequential(conv('a', { use_bias: false })), [kernel])
    const official = await layers.loadLayersModel(handler(path))
    using ours = await importLayersModel(path)
    const expected = official.getWeights()[0]!.dataSync()
    expect(ours.trainable[0]?.dataSync()).toEqual(expected)
    const { nodes } = await importLayerGraph(path)
    expect(nodes[0] && 'kernel' in nodes[0] && nodes[0].kernel).toMatchObject({ data: expected })
    official.dispose()
  })
})

describe('activations', () => {
  const graphOf = (activation: (typeof activationNames)[number], alpha?: number): LayerGraph => ({
    inputShape: [2, 2, 3],
    nodes: [
      { op: 'flatten', name: 'flat', inputs: ['input'] },
      { op: 'activation', activation, name: 'act', inputs: ['flat'], ...(alpha !== undefined && { alpha }) },
    ],
    output: 'act',
  })

  it.each([...activationNames.map((name) => [name, undefined] as const), ['leaky-relu', 0.1] as const])(
    '%s (%s) come back from both formats',
    async (activation, alpha) => {
      const path = files.next()
      await exportLayersModel(graphOf(activation, alpha), path)
      using ours = await importLayersModel(path)
      const again = files.next()
      await exportGraphModel(ours, again)
      using graph = await importGraphModel(again)
      const official = await layers.loadLayersModel(handler(path))
      tf.tidy(() => {
        const x = tf.randomNormal([4, 2, 2, 3], 0, 3, 'float32', 1)
        const expected = official.predict(x) as tf.Tensor
        expect(difference(ours.apply(x, { training: false }), expected)).toBeLessThan(1e-5)
        expect(difference(graph.apply(x, { training: false }), expected)).toBeLessThan(1e-5)
      })
      official.dispose()
    },
  )
})

describe('a model.json of Keras 3', () => {
  const tensor = (name: string) => ({ class_name: '__keras_tensor__', config: { shape, dtype: 'float32', keras_history: [name, 0, 0] } }) // biome-ignore format: one line
  const policy = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null }
  const layer = (class_name: string, name: string, config: object, args: unknown[], kwargs: object = {}) => ({
    module: 'keras.layers',
    class_name,
    registered_name: null,
    name,
    config: { name, trainable: true, dtype: policy, ...config },
    build_config: { input_shape: shape },
    inbound_nodes: args.length > 0 ? [{ args, kwargs }] : [],
  })
  const model = (activation: string, slope: number, kwargs: object = {}, dtype: unknown = policy) => ({
    format: 'layers-model',
    modelTopology: {
      keras_version: '3.15.1',
      backend: 'jax',
      model_config: {
        module: 'keras',
        class_name: 'Functional',
        registered_name: 'Functional',
        config: {
          name: 'functional',
          trainable: true,
          layers: [
            layer('InputLayer', 'in', { batch_shape: shape, sparse: false, ragged: false, optional: false }, []),
            layer('Conv2D', 'a', { filters: 2, kernel_size: [1, 1], strides: [1, 1], padding: 'valid', data_format: 'channels_last', dilation_rate: [1, 1], groups: 1, activation, use_bias: true, dtype, kernel_initializer: { module: 'keras.initializers', class_name: 'GlorotUniform', config: { seed: null }, registered_name: null }, kernel_regularizer: null }, [tensor('in')], kwargs), // biome-ignore format: one line
            layer('LeakyReLU', 'b', { negative_slope: slope }, [tensor('a')]),
            layer('ReLU', 'c', { max_value: 1, negative_slope: 0.1, threshold: 0.5 }, [tensor('a')]),
            layer('Add', 'd', {}, [[tensor('b'), tensor('c')]]),
          ],
          input_layers: [['in', 0, 0]],
          output_layers: [['d', 0, 0]],
        },
      },
    },
  })
  const weights = [floats('a/kernel', [1, 1, 2, 2], [2, 0, 0, -1]), floats('a/bias', [2], [0.5, -0.25])]

  it('is read by the rules of Keras 3', async () => {
    using ours = await importLayersModel(writeModel(files.next(), model('hard_sigmoid', 0.2), weights))
    const x = tf.tensor4d([-4, 1, 0.2, 3, -0.5, 0, 2, -2], [1, 2, 2, 2])
    const received = tf.tidy(() => [...ours.apply(x, { training: false }).dataSync()])
    const expected = [...x.dataSync()].map((value, i) => {
      const y = i % 2 === 0 ? 2 * value + 0.5 : -value - 0.25
      const a = Math.min(6, Math.max(0, y + 3)) / 6
      const [b, c] = [a < 0 ? 0.2 * a : a, a >= 1 ? 1 : a > 0.5 ? a : 0.1 * (a - 0.5)]
      return b + c
    })
    for (const [i, value] of expected.entries()) expect(received[i]).toBeCloseTo(value, 6)
    using linear = await importLayersModel(writeModel(files.next(), model('linear', 0.2), weights))
    const slopes = tf.tidy(() => [...linear.apply(x, { training: false }).dataSync()])
    const first = 2 * -4 + 0.5
    expect(slopes[0]).toBeCloseTo(0.2 * first + 0.1 * (first - 0.5), 5)
    x.dispose()
  })

  it('is refused where a layer is called with arguments, or computes in other types', async () => {
    const masked = writeModel(files.next(), model('relu', 0.2, { mask: tensor('in') }), weights)
    await expect(importLayersModel(masked)).rejects.toThrow(/ARCHLOOM_PRUNABLE_MODEL.*"a\\?" called with mask/)
    using ours = await importLayersModel(
      writeModel(files.next(), model('relu', 0.2, { mask: null, training: false }), weights),
    )
    expect(ours.outputs).toEqual(['d'])
    const half = { class_name: 'DTypePolicy', config: { name: 'mixed_float16' } }
    const mixed = writeModel(files.next(), model('relu', 0.2, {}, half), weights)
    await expect(importLayersModel(mixed)).rejects.toThrow(/ARCHLOOM_KERAS_LAYER.*"a".*dtype.*mixed_float16/)
  })
})

describe('what a layer says and is not handled', () => {
  const image = { name: 'x' }
  it.each([
    ['Conv2D', { data_format: 'channels_first', filters: 2, kernel_size: 1 }, /data_format "channels_first"/],
    ['Conv2D', { groups: 2, filters: 2, kernel_size: 1 }, /groups 2/],
    ['Conv2D', { padding: 'causal', filters: 2, kernel_size: 1 }, /padding "causal"/],
    ['Conv2D', { activation: 'hard_tanh', filters: 2, kernel_size: 1 }, /activation "hard_tanh"/],
    ['Conv2D', { wobble: 3, filters: 2, kernel_size: 1 }, /wobble 3 is not supported/],
    ['Conv2D', { dtype: 'float16', filters: 2, kernel_size: 1 }, /dtype "float16"/],
    ['Conv2D', { filters: 7, kernel_size: 1 }, /kernel of shape \[1, 1, 2, 2\], expected \[1, 1, any, 7\]/],
    ['Conv2DTranspose', { output_padding: 1, filters: 2, kernel_size: 1 }, /output_padding 1/],
    ['BatchNormalization', { axis: 1 }, /axis 1, expected the last/],
    ['BatchNormalization', { renorm: true }, /renorm true/],
    ['Softmax', { axis: 1 }, /axis 1, expected the last/],
    ['MaxPooling2D', { data_format: 'channels_first' }, /channels_first/],
    ['AveragePooling2D', { padding: 'explicit' }, /padding "explicit"/],
    ['UpSampling2D', { interpolation: 'lanczos3' }, /interpolation "lanczos3"/],
    ['LSTM', { units: 3 }, /of type "LSTM".*supported: .*Conv2D/],
    ['Masking', { mask_value: 0 }, /of type "Masking"/],
    ['TFOpLambda', { function: 'math.add' }, /of type "TFOpLambda"/],
    ['GlobalAveragePooling1D', {}, /of an input of shape/],
    ['Concatenate', { axis: 0 }, /axis 0/],
    ['LayerNormalization', { rms_scaling: true }, /rms_scaling true/],
  ])('%s %o is refused by name', async (class_name, config, expected) => {
    const layer = { class_name, config: { ...image, ...config } }
    const weights = ['kernel', 'bias', 'gamma', 'beta', 'moving_mean', 'moving_variance'].map((part) =>
      part === 'kernel' ? floats(`x/${part}`, [1, 1, 2, 2], eye(1)) : floats(`x/${part}`, [2], [1, 1]),
    )
    const path = writeModel(files.next(), sequential(layer), weights)
    const thrown = await importLayersModel(path).then(
      () => '',
      (error: Error) => error.message,
    )
    expect(thrown).toMatch(expected)
    expect(thrown).toMatch(/ARCHLOOM_KERAS_LAYER: layer "x"/)
  })

  it('is refused for layer graphs too', async () => {
    const path = writeModel(files.next(), sequential(conv('a', { groups: 2 })), [
      floats('a/kernel', [1, 1, 2, 2], eye(1)),
    ])
    await expect(importLayerGraph(path)).rejects.toThrow(/ARCHLOOM_PRUNABLE_LAYER: layer "a".*groups 2/)
    const json = JSON.parse(readFileSync(join(path, 'model.json'), 'utf8'))
    json.modelTopology.model_config.config.layers[1] = { class_name: 'ReLU', config: { name: 'r', threshold: 1 } }
    writeFileSync(join(path, 'model.json'), JSON.stringify(json))
    await expect(importLayerGraph(path)).rejects.toThrow(/ARCHLOOM_PRUNABLE_LAYER: layer "r".*threshold 1/)
  })
})
