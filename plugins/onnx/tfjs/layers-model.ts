import type { Network } from '../../../core/index.ts'
import {
  currentGraph,
  type GraphNetwork,
  type GraphNode,
  INPUT,
  type LayerGraph,
  layerGraph,
  type Weights,
} from '../../../search-spaces/compression/index.ts'
import { error } from '../errors.ts'
import { type ModelWeights, writeFolder } from './folder.ts'
import type { FolderReport } from './graph-model.ts'

interface KerasLayer {
  readonly type: string
  readonly config: Readonly<Record<string, unknown>>
  readonly weights?: Readonly<Record<string, Weights>>
}

/** Nodes of layer graphs that Keras has layers for. */
export const layersModelNodes: readonly string[] = [
  'activation',
  'add',
  'average-pool',
  'batch-norm',
  'concat',
  'convolution',
  'dense',
  'depthwise-convolution',
  'flatten',
  'global-average-pool',
  'max-pool',
  'subsample',
  'zero-pad',
]

/**
 * A network of convolutions, pooling, normalisations, sums and dense layers as a tf.js LayersModel folder:
 * `loadLayersModel('…/model.json')`. Errors: ARCHLOOM_TFJS_LAYER, and those of `layerGraph`, for what has no layer;
 * ARCHLOOM_ONNX_NOT_FINITE.
 */
export async function exportLayersModel(source: Network | LayerGraph, folder: string): Promise<FolderReport> {
  const graph = await graphOf(source)
  const names = uniqueNames(graph)
  const layers: object[] = [layer('InputLayer', INPUT, { batch_input_shape: [null, ...graph.inputShape], dtype: 'float32', sparse: false }, [])] // biome-ignore format: one line
  const weights: ModelWeights[] = []
  const operators: Record<string, number> = {}
  for (const node of graph.nodes) {
    const name = names.get(node.name) as string
    let inputs = node.inputs.map((input) => names.get(input) as string)
    for (const [i, part] of kerasLayers(node).entries()) {
      const own = i === kerasLayers(node).length - 1 ? name : `${name}_padding`
      layers.push(layer(part.type, own, part.config, inputs))
      operators[part.type] = (operators[part.type] ?? 0) + 1
      for (const [key, { shape, data }] of Object.entries(part.weights ?? {})) {
        const bad = data.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0)
        if (bad > 0)
          throw error('ARCHLOOM_ONNX_NOT_FINITE', { constant: `${own}/${key}`, values: bad, of: data.length })
        weights.push({ name: `${own}/${key}`, shape, dtype: 'float32', values: data })
      }
      inputs = [own]
    }
  }
  const config = {
    name: 'archloom',
    layers,
    input_layers: [[INPUT, 0, 0]],
    output_layers: [[names.get(graph.output), 0, 0]],
  }
  const topology = {
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
    model_config: { class_name: 'Functional', config },
  }
  const bytes = await writeFolder(folder, { format: 'layers-model', topology, weights })
  return { folder, bytes, operators }
}

/** Networks that were made of a graph keep it; others are traced. */
async function graphOf(source: Network | LayerGraph | GraphNetwork): Promise<LayerGraph> {
  if ('nodes' in source) return source
  return 'graph' in source && source.overridden === false
    ? await currentGraph(source)
    : await layerGraph(source, { lastSoftmax: 'keep' })
}

const layer = (type: string, name: string, config: object, inputs: readonly string[]) => ({
  class_name: type,
  name,
  config: { name, trainable: true, ...config },
  inbound_nodes: inputs.length > 0 ? [inputs.map((input) => [input, 0, 0, {}])] : [],
})

/** Paths without slashes, which Keras keeps for its own scopes. */
function uniqueNames({ nodes }: LayerGraph): ReadonlyMap<string, string> {
  const names = new Map([[INPUT, INPUT]])
  const taken = new Set([INPUT])
  for (const { name } of nodes) {
    const wanted = name.split('/').filter(Boolean).join('_')
    let made = wanted
    for (let i = 1; taken.has(made) || taken.has(`${made}_padding`); i++) made = `${wanted}_${i}`
    taken.add(made)
    names.set(name, made)
  }
  return names
}

const activationTypes: Readonly<Record<string, string>> = { 'leaky-relu': 'LeakyReLU', relu6: 'ReLU', elu: 'ELU' }

/** The layers of one node: a padding of so many zeros is a layer of its own. */
function kerasLayers(node: GraphNode): KerasLayer[] {
  const padded = (padding: 'same' | 'valid' | number, made: (padding: string) => KerasLayer): KerasLayer[] => {
    if (typeof padding === 'string') return [made(padding)]
    const zeros = [[padding, padding], [padding, padding]] // biome-ignore format: one line
    return padding === 0 ? [made('valid')] : [{ type: 'ZeroPadding2D', config: { padding: zeros } }, made('valid')]
  }
  switch (node.op) {
    case 'convolution':
    case 'depthwise-convolution': {
      const { kernel, bias, stride, dilation, padding } = node
      const deep = node.op === 'depthwise-convolution'
      const [height, width, , last] = kernel.shape
      const channels = deep ? { depth_multiplier: last } : { filters: last }
      const common = { kernel_size: [height, width], strides: [stride, stride], dilation_rate: [dilation, dilation] }
      return padded(padding, (mode) => ({
        type: deep ? 'DepthwiseConv2D' : 'Conv2D',
        config: { ...channels, ...common, padding: mode, use_bias: bias !== undefined, activation: 'linear', data_format: 'channels_last' }, // biome-ignore format: one line
        weights: { [deep ? 'depthwise_kernel' : 'kernel']: kernel, ...(bias && { bias }) },
      }))
    }
    case 'dense': {
      const { kernel, bias } = node
      const config = { units: kernel.shape[1], use_bias: bias !== undefined, activation: 'linear' }
      return [{ type: 'Dense', config, weights: { kernel, ...(bias && { bias }) } }]
    }
    case 'batch-norm': {
      const { gamma, beta, mean, variance, epsilon } = node
      const config = { axis: 3, epsilon, momentum: 0.99, scale: gamma !== undefined, center: beta !== undefined }
      const axis = mean.shape.length
      const weights = { ...(gamma && { gamma }), ...(beta && { beta }), moving_mean: mean, moving_variance: variance }
      return [{ type: 'BatchNormalization', config: axis === 1 ? { ...config, axis: -1 } : config, weights }]
    }
    case 'activation': {
      const { activation, alpha } = node
      const type = activationTypes[activation]
      if (type === undefined) return [{ type: 'Activation', config: { activation } }]
      return [
        { type, config: activation === 'relu6' ? { max_value: 6 } : { alpha: alpha ?? (type === 'ELU' ? 1 : 0.2) } },
      ]
    }
    case 'max-pool':
    case 'average-pool': {
      const { kernel, stride, padding } = node
      if (typeof padding === 'number' && padding > 0) break
      const type = node.op === 'max-pool' ? 'MaxPooling2D' : 'AveragePooling2D'
      const mode = typeof padding === 'number' ? 'valid' : padding
      return [{ type, config: { pool_size: kernel, strides: [stride, stride], padding: mode } }]
    }
    case 'subsample':
      // A window of one position is that position.
      return [
        { type: 'MaxPooling2D', config: { pool_size: [1, 1], strides: [node.stride, node.stride], padding: 'same' } },
      ]
    case 'zero-pad':
      return [{ type: 'ZeroPadding2D', config: { padding: [[node.top, node.bottom], [node.left, node.right]] } }] // biome-ignore format: one line
    case 'add':
      return [{ type: 'Add', config: {} }]
    case 'concat':
      return [{ type: 'Concatenate', config: { axis: -1 } }]
    case 'global-average-pool':
      return [{ type: 'GlobalAveragePooling2D', config: { data_format: 'channels_last' } }]
    case 'flatten':
      return [{ type: 'Flatten', config: {} }]
  }
  throw error('ARCHLOOM_TFJS_LAYER', { node: node.name, op: node.op, supported: layersModelNodes })
}
