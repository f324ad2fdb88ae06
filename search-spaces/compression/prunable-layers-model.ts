import type * as tf from '@tensorflow/tfjs-core'
import { quote } from '../../core/errors.ts'
import {
  checkKerasConfig,
  kerasActivation,
  kerasBorder,
  kerasPair,
  kerasSlope,
  type RefuseLayer,
} from './keras-config.ts'
import { inputName, type KerasLayer, type KerasModel, kerasModel } from './keras-model.ts'
import { type KerasWeights, kerasWeights } from './keras-weights.ts'
import { error } from './prunable-errors.ts'
import { activationNames, type GraphNode, INPUT, type Layer, type LayerGraph, type Weights } from './prunable-graph.ts'
import { checkWeights, graphShapes } from './prunable-shapes.ts'
import { readSavedModel, type SavedModel, savedModelOf } from './saved-model.ts'

/** Anything with the `save` method of a `tf.LayersModel`. */
export interface SavableModel {
  save(handler: { save(artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> }): Promise<unknown>
}

/** A saved model: a path or file URL of its folder or model.json, its parts, or a `tf.LayersModel` itself. */
export type LayersModelSource = string | URL | SavableModel | tf.io.ModelArtifacts

/** Types of Keras layers that a layer graph supports. */
const supported = [
  'InputLayer',
  'Conv2D',
  'DepthwiseConv2D',
  'SeparableConv2D',
  'BatchNormalization',
  'Dense',
  'Activation',
  'ReLU',
  'LeakyReLU',
  'ELU',
  'Softmax (last)',
  'Add',
  'Concatenate',
  'MaxPooling2D',
  'AveragePooling2D',
  'GlobalAveragePooling2D',
  'ZeroPadding2D',
  'Cropping2D',
  'Flatten',
  'Rescaling',
  'Dropout',
  'SpatialDropout2D',
]

/** Reads a model from any source. Errors: ARCHLOOM_TFJS_FOLDER, ARCHLOOM_PRUNABLE_MODEL. */
export async function savedLayersModel(source: LayersModelSource): Promise<SavedModel> {
  const model = await savedModel(source)
  if (model.kind !== 'layers-model')
    throw error('ARCHLOOM_PRUNABLE_MODEL', {
      received: 'a GraphModel, which converters write',
      expected:
        'a LayersModel; importGraphModel of archloom/plugins/onnx reads it as a network, which layerGraph takes',
    })
  return model
}

async function savedModel(source: LayersModelSource): Promise<SavedModel> {
  if (typeof source === 'string' || source instanceof URL) return readSavedModel(source)
  if (!('save' in source)) return savedModelOf(checkedParts(source))
  const saved: tf.io.ModelArtifacts[] = []
  await source.save({
    save: async (artifacts) => {
      saved.push(artifacts)
      // A fixed date: nothing reads it.
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    },
  })
  return savedModelOf(checkedParts(saved[0] ?? {}))
}

function checkedParts(parts: tf.io.ModelArtifacts): tf.io.ModelArtifacts {
  // An unsupported format is reported before missing parts.
  kerasModel(parts.modelTopology)
  if (!parts.weightSpecs || !parts.weightData)
    throw error('ARCHLOOM_PRUNABLE_MODEL', { received: 'no weights', expected: 'weightSpecs and weightData' })
  return parts
}

/**
 * A sequential or functional `tf.LayersModel` (Keras 2, Keras 3 or tf.js) as a layer graph, models nested in it
 * included. A final softmax is left out, so that the output is logits; dropout is left out too, because it has no
 * effect in evaluation. Errors: ARCHLOOM_PRUNABLE_LAYER (names the layer, and what is supported),
 * ARCHLOOM_PRUNABLE_MODEL, ARCHLOOM_PRUNABLE_WEIGHTS, ARCHLOOM_TFJS_FOLDER.
 */
export async function importLayersModel(source: LayersModelSource): Promise<LayerGraph> {
  const saved = await savedLayersModel(source)
  const model = kerasModel(saved.topology)
  const graph = graphOf(model, kerasWeights(model, saved))
  graphShapes(graph)
  checkWeights(graph)
  return graph
}

function graphOf(model: KerasModel, weights: KerasWeights): LayerGraph {
  const nodes: GraphNode[] = []
  /** The node that holds the result of a call. */
  const outputs = new Map<string, string>()
  let softmax: KerasLayer | undefined

  const refuse: RefuseLayer = ({ name, type }, why) =>
    error('ARCHLOOM_PRUNABLE_LAYER', { layer: name, type, why, supported })
  const add = (name: string, layer: Layer, ...inputs: string[]) => {
    nodes.push({ ...layer, name, inputs })
    return name
  }
  const shapeAt = (output: string): readonly number[] =>
    output === INPUT
      ? inputShapeOf(model)
      : (graphShapes({ inputShape: inputShapeOf(model), nodes, output }).get(output) as readonly number[])
  const square = (layer: KerasLayer, key: string, fallback = 1): number => {
    const [a, b] = kerasPair(layer, key, fallback)
    if (a !== b) throw refuse(layer, `${key} [${a}, ${b}] differ in height and width`)
    return a
  }
  const paddingOf = ({ config }: KerasLayer) => (config.padding === 'same' ? 'same' : 'valid')
  const slidingOf = (layer: KerasLayer) =>
    ({ stride: square(layer, 'strides'), dilation: square(layer, 'dilation_rate'), padding: paddingOf(layer) }) as const
  /** The node after a layer's activation. */
  const activated = (layer: KerasLayer, name: string, activation: unknown, alpha?: number): string => {
    const called = kerasActivation(activation)
    if (called === 'linear') return name
    if (called === 'softmax') {
      softmax = layer
      return name
    }
    const known = activationNames.find((each) => each === called)
    if (!known || known === 'softmax') throw refuse(layer, `activation ${called}`)
    return add(
      `${layer.path}/${known}`,
      { op: 'activation', activation: known, ...(alpha !== undefined && { alpha }) },
      name,
    )
  }
  const biasOf = (layer: KerasLayer) => (layer.config.use_bias === false ? {} : { bias: weights.of(layer, 'bias') })

  const translate = (layer: KerasLayer, inputs: readonly string[]): string => {
    checkKerasConfig(layer, refuse)
    const { path: name, type, config } = layer
    const [x = INPUT] = inputs
    switch (type) {
      case 'Conv2D': {
        const kernel = weights.of(layer, 'kernel')
        const node = { op: 'convolution', kernel, ...biasOf(layer), ...slidingOf(layer) } as const
        return activated(layer, add(name, node, x), config.activation)
      }
      case 'DepthwiseConv2D': {
        const kernel = weights.of(layer, 'depthwise_kernel', 'kernel')
        const node = { op: 'depthwise-convolution', kernel, ...biasOf(layer), ...slidingOf(layer) } as const
        return activated(layer, add(name, node, x), config.activation)
      }
      case 'SeparableConv2D': {
        const depthwise = { op: 'depthwise-convolution', kernel: weights.of(layer, 'depthwise_kernel') } as const
        const inside = add(`${name}/depthwise`, { ...depthwise, ...slidingOf(layer) }, x)
        const one = { stride: 1, dilation: 1, padding: 'same' } as const
        const kernel = weights.of(layer, 'pointwise_kernel')
        const pointwise = { op: 'convolution', kernel, ...biasOf(layer), ...one } as const
        return activated(layer, add(`${name}/pointwise`, pointwise, inside), config.activation)
      }
      case 'Dense': {
        const kernel = weights.of(layer, 'kernel')
        if (shapeAt(x).length === 1)
          return activated(layer, add(name, { op: 'dense', kernel, ...biasOf(layer) }, x), config.activation)
        // On an image, a dense layer is a 1×1 convolution.
        const pixel = { shape: [1, 1, ...kernel.shape], data: kernel.data }
        const node = { op: 'convolution', kernel: pixel, ...biasOf(layer), stride: 1, dilation: 1, padding: 'valid' } as const // biome-ignore format: one line
        return activated(layer, add(name, node, x), config.activation)
      }
      case 'BatchNormalization': {
        const axis = [config.axis ?? -1].flat()
        if (axis.length !== 1 || (axis[0] !== -1 && axis[0] !== shapeAt(x).length))
          throw refuse(layer, `axis ${quote(config.axis)}, expected the last`)
        const part = (key: string) => weights.of(layer, key)
        return add(
          name,
          {
            op: 'batch-norm',
            ...(config.scale !== false && { gamma: part('gamma') }),
            ...(config.center !== false && { beta: part('beta') }),
            mean: part('moving_mean'),
            variance: part('moving_variance'),
            epsilon: (config.epsilon as number | undefined) ?? 1e-3,
          },
          x,
        )
      }
      case 'Activation':
        return activated(layer, x, config.activation)
      case 'Softmax': {
        const axis = [config.axis ?? -1].flat()
        if (axis.length !== 1 || (axis[0] !== -1 && axis[0] !== shapeAt(x).length))
          throw refuse(layer, `axis ${quote(config.axis)}, expected the last`)
        return activated(layer, x, 'softmax')
      }
      case 'ReLU': {
        const { max_value: most = null, negative_slope: slope = 0, threshold = 0 } = config
        if (threshold) throw refuse(layer, `threshold ${quote(threshold)}, expected 0`)
        if (slope && most !== null) throw refuse(layer, `negative_slope ${quote(slope)} with max_value ${quote(most)}`)
        if (slope) return activated(layer, x, 'leaky_relu', slope as number)
        if (most !== null && most !== 6) throw refuse(layer, `max_value ${quote(most)}, expected none or 6`)
        return activated(layer, x, most === null ? 'relu' : 'relu6')
      }
      case 'LeakyReLU':
        return activated(layer, x, 'leaky_relu', kerasSlope(layer))
      case 'ELU':
        return activated(layer, x, 'elu', (config.alpha as number | undefined) ?? 1)
      case 'Add':
        return add(name, { op: 'add' }, ...inputs)
      case 'Concatenate': {
        const axis = config.axis ?? -1
        if (axis !== -1 && axis !== shapeAt(x).length) throw refuse(layer, `axis ${quote(axis)}, expected the last`)
        return add(name, { op: 'concat' }, ...inputs)
      }
      case 'MaxPooling2D':
      case 'AveragePooling2D': {
        const kernel = kerasPair(layer, 'pool_size', 2)
        const stride = config.strides == null ? square(layer, 'pool_size', 2) : square(layer, 'strides')
        const op = type === 'MaxPooling2D' ? 'max-pool' : 'average-pool'
        return add(name, { op, kernel, stride, padding: paddingOf(layer) }, x)
      }
      case 'GlobalAveragePooling2D':
        if (config.keepdims === true || config.keep_dims === true) throw refuse(layer, 'keepdims true')
        return add(name, { op: 'global-average-pool' }, x)
      case 'ZeroPadding2D': {
        const [[top, bottom], [left, right]] = kerasBorder(layer, 'padding', 1)
        return add(name, { op: 'zero-pad', top, bottom, left, right }, x)
      }
      case 'Cropping2D': {
        const [[top, bottom], [left, right]] = kerasBorder(layer, 'cropping', 0)
        const [height = 0, width = 0] = shapeAt(x)
        const inside = { height: height - top - bottom, width: width - left - right }
        if (inside.height < 1 || inside.width < 1) throw refuse(layer, `a cropping that leaves nothing of [${height}, ${width}]`) // biome-ignore format: one line
        return add(name, { op: 'crop', top, left, ...inside }, x)
      }
      case 'Flatten':
        return add(name, { op: 'flatten' }, x)
      case 'Rescaling': {
        const channels = shapeAt(x).at(-1) as number
        if (shapeAt(x).length !== 3) throw refuse(layer, 'of something that is not an image')
        const filled = (value: unknown, shape: readonly number[]): Weights =>
          ({ shape, data: new Float32Array(channels).fill(value as number) }) // biome-ignore format: one line
        return add(
          name,
          {
            op: 'depthwise-convolution',
            kernel: filled(config.scale, [1, 1, channels, 1]),
            bias: filled(config.offset ?? 0, [channels]),
            stride: 1,
            dilation: 1,
            padding: 'valid',
          },
          x,
        )
      }
      case 'Dropout':
      case 'SpatialDropout2D':
        return x
      default:
        throw refuse(layer, '')
    }
  }

  const shared = model.calls.find(({ name, layer }) => name !== layer.path)
  if (shared) throw refuse(shared.layer, 'used more than once')
  if (model.inputs.length !== 1 || model.outputs.length !== 1)
    throw error('ARCHLOOM_PRUNABLE_MODEL', {
      received: `${model.inputs.length} inputs and ${model.outputs.length} outputs`,
      expected: 'one of each',
    })
  outputs.set(inputName(0), INPUT)
  for (const { name, layer, inputs } of model.calls) {
    if (softmax !== undefined) throw refuse(softmax, 'a softmax that is not the last layer')
    outputs.set(
      name,
      translate(
        layer,
        inputs.map((each) => outputs.get(each) as string),
      ),
    )
  }
  // Checked last, so that an unsupported layer is reported before the shape of its input.
  return { inputShape: inputShapeOf(model), nodes, output: outputs.get(model.outputs[0] as string) as string }
}

function inputShapeOf({ inputs }: KerasModel): readonly number[] {
  const shape = inputs[0]?.shape ?? []
  const rest = shape.slice(1)
  if (rest.length !== 3 || rest.some((size) => size === null))
    throw error('ARCHLOOM_PRUNABLE_MODEL', {
      received: `inputs of shape [${shape.map((size) => size ?? 'null').join(', ')}]`,
      expected: 'images [batch, height, width, channels] of fixed size',
    })
  return rest as number[]
}
