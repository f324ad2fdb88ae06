import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { error } from './prunable-errors.ts'
import { activationNames, type GraphNode, INPUT, type Layer, type LayerGraph, type Weights } from './prunable-graph.ts'
import { type KerasLayer, layersOf, type Topology } from './prunable-keras.ts'
import { checkWeights, graphShapes } from './prunable-shapes.ts'

/** Anything with the `save` of a `tf.LayersModel`. */
export interface SavableModel {
  save(handler: { save(artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> }): Promise<unknown>
}

/** A saved model: a path or file URL of its model.json, its parts, or a `tf.LayersModel` itself. */
export type LayersModelSource = string | URL | SavableModel | tf.io.ModelArtifacts

const supported = [
  ...[
    'InputLayer',
    'Conv2D',
    'DepthwiseConv2D',
    'SeparableConv2D',
    'BatchNormalization',
    'Dense',
    'Activation',
    'ReLU',
  ],
  ...[
    'LeakyReLU',
    'Softmax (last)',
    'Add',
    'Concatenate',
    'MaxPooling2D',
    'AveragePooling2D',
    'GlobalAveragePooling2D',
  ],
  ...['ZeroPadding2D', 'Flatten', 'Dropout', 'SpatialDropout2D'],
]

/**
 * A sequential or functional `tf.LayersModel` (Keras format) as a layer graph. A last softmax is left out, so that the
 * output is logits; dropout does nothing and is left out too.
 * Errors: ARCHLOOM_PRUNABLE_LAYER (names the layer, and what is supported), ARCHLOOM_PRUNABLE_MODEL,
 * ARCHLOOM_PRUNABLE_WEIGHTS.
 */
export async function importLayersModel(source: LayersModelSource): Promise<LayerGraph> {
  const artifacts = await artifactsOf(source)
  const { layers, output } = layersOf(artifacts.modelTopology as Topology)
  const weights = await weightsOf(artifacts)
  const graph = graphOf(layers, output, weights)
  graphShapes(graph)
  checkWeights(graph)
  return graph
}

async function artifactsOf(source: LayersModelSource): Promise<tf.io.ModelArtifacts> {
  if (typeof source === 'string' || source instanceof URL) return readModel(source)
  if (!('save' in source)) return source
  const saved: tf.io.ModelArtifacts[] = []
  await source.save({
    save: async (artifacts) => {
      saved.push(artifacts)
      // A fixed date: nothing reads it.
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    },
  })
  return saved[0] ?? {}
}

async function readModel(source: string | URL): Promise<tf.io.ModelArtifacts> {
  const path = source instanceof URL || source.startsWith('file://') ? fileURLToPath(source) : source
  const json = JSON.parse(await readFile(path, 'utf8')) as tf.io.ModelJSON
  const manifest = json.weightsManifest ?? []
  const files = manifest.flatMap(({ paths }) => paths)
  const shards = await Promise.all(files.map((file) => readFile(join(dirname(path), file))))
  const bytes = Buffer.concat(shards)
  return {
    modelTopology: json.modelTopology as tf.io.ModelArtifacts['modelTopology'] & object,
    weightSpecs: manifest.flatMap(({ weights }) => weights),
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
  }
}

/** Every weight by its name, without the path of scopes that other versions put before it. */
async function weightsOf({ weightSpecs, weightData }: tf.io.ModelArtifacts): Promise<ReadonlyMap<string, Weights>> {
  if (!weightSpecs || !weightData)
    throw error('ARCHLOOM_PRUNABLE_MODEL', { received: 'no weights', expected: 'weightSpecs and weightData' })
  const decoded = tf.io.decodeWeights(weightData, weightSpecs)
  try {
    const read = Object.entries(decoded).map(
      async ([name, tensor]) => [name, { shape: tensor.shape, data: Float32Array.from(await tensor.data()) }] as const,
    )
    return new Map(await Promise.all(read))
  } finally {
    tf.dispose(decoded)
  }
}

const activationOf: Readonly<Record<string, string>> = { selu: '', silu: 'swish', leaky_relu: 'leaky-relu' }

function graphOf(layers: readonly KerasLayer[], output: string, weights: ReadonlyMap<string, Weights>): LayerGraph {
  const nodes: GraphNode[] = []
  /** The node that holds the output of a layer. */
  const outputs = new Map<string, string>()
  let batchShape: readonly (number | null)[] | undefined
  let softmax: string | undefined

  const refuse = ({ name, type }: KerasLayer, why: string) =>
    error('ARCHLOOM_PRUNABLE_LAYER', { layer: name, type, why, supported })
  const add = (name: string, layer: Layer, ...inputs: string[]) => {
    nodes.push({ ...layer, name, inputs })
    return name
  }
  const weight = (layer: KerasLayer, name: string): Weights => {
    const found = [...weights].find(
      ([path]) => path === `${layer.name}/${name}` || path.endsWith(`/${layer.name}/${name}`),
    )
    if (!found)
      throw error('ARCHLOOM_PRUNABLE_MODEL', {
        received: `no weight "${layer.name}/${name}"`,
        expected: 'every weight of its layers',
      })
    return found[1]
  }
  const numbersOf = (layer: KerasLayer, option: string, fallback: number): readonly [number, number] => {
    const value = layer.config[option] ?? fallback
    const [a, b = a] = (Array.isArray(value) ? value : [value]) as number[]
    return [a as number, b as number]
  }
  const square = (layer: KerasLayer, option: string, fallback = 1): number => {
    const [a, b] = numbersOf(layer, option, fallback)
    if (a !== b) throw refuse(layer, `${option} [${a}, ${b}] differ in height and width`)
    return a
  }
  const slidingOf = (layer: KerasLayer) => {
    const { padding = 'valid' } = layer.config
    if (padding !== 'same' && padding !== 'valid') throw refuse(layer, `padding ${String(padding)}`)
    return { stride: square(layer, 'strides'), dilation: square(layer, 'dilation_rate'), padding } as const
  }
  const channelsLast = (layer: KerasLayer) => {
    const format = layer.config.data_format
    if (format === 'channels_first' || format === 'channelsFirst') throw refuse(layer, 'channels first')
  }
  /** The node after a layer's activation. */
  const activated = (layer: KerasLayer, name: string, activation: unknown, alpha?: number): string => {
    if (activation === undefined || activation === null || activation === 'linear') return name
    if (activation === 'softmax') {
      softmax = layer.name
      return name
    }
    const called = activationOf[String(activation)] ?? String(activation)
    const known = activationNames.find((each) => each === called)
    if (!known) throw refuse(layer, `activation ${String(activation)}`)
    return add(
      `${layer.name}/${known}`,
      { op: 'activation', activation: known, ...(alpha !== undefined && { alpha }) },
      name,
    )
  }
  const biasOf = (layer: KerasLayer) => (layer.config.use_bias === false ? {} : { bias: weight(layer, 'bias') })

  const translate = (layer: KerasLayer, inputs: readonly string[]): string => {
    const { name, type, config } = layer
    const [x = INPUT] = inputs
    switch (type) {
      case 'Conv2D': {
        channelsLast(layer)
        if ((config.groups ?? 1) !== 1) throw refuse(layer, `${String(config.groups)} groups`)
        const node = {
          op: 'convolution',
          kernel: weight(layer, 'kernel'),
          ...biasOf(layer),
          ...slidingOf(layer),
        } as const
        return activated(layer, add(name, node, x), config.activation)
      }
      case 'DepthwiseConv2D': {
        channelsLast(layer)
        const kernel = weight(layer, 'depthwise_kernel')
        const node = { op: 'depthwise-convolution', kernel, ...biasOf(layer), ...slidingOf(layer) } as const
        return activated(layer, add(name, node, x), config.activation)
      }
      case 'SeparableConv2D': {
        channelsLast(layer)
        const depthwise = { op: 'depthwise-convolution', kernel: weight(layer, 'depthwise_kernel') } as const
        const inside = add(`${name}/depthwise`, { ...depthwise, ...slidingOf(layer) }, x)
        const one = { stride: 1, dilation: 1, padding: 'same' } as const
        const pointwise = {
          op: 'convolution',
          kernel: weight(layer, 'pointwise_kernel'),
          ...biasOf(layer),
          ...one,
        } as const
        return activated(layer, add(`${name}/pointwise`, pointwise, inside), config.activation)
      }
      case 'Dense': {
        const node = { op: 'dense', kernel: weight(layer, 'kernel'), ...biasOf(layer) } as const
        return activated(layer, add(name, node, x), config.activation)
      }
      case 'BatchNormalization':
        return add(
          name,
          {
            op: 'batch-norm',
            ...(config.scale !== false && { gamma: weight(layer, 'gamma') }),
            ...(config.center !== false && { beta: weight(layer, 'beta') }),
            ...{ mean: weight(layer, 'moving_mean'), variance: weight(layer, 'moving_variance') },
            epsilon: (config.epsilon as number | undefined) ?? 1e-3,
          },
          x,
        )
      case 'Activation':
        return activated(layer, x, config.activation)
      case 'Softmax':
        return activated(layer, x, 'softmax')
      case 'ReLU': {
        const most = config.max_value ?? null
        if (most !== null && most !== 6) throw refuse(layer, `max_value ${String(most)}`)
        return activated(layer, x, most === null ? 'relu' : 'relu6')
      }
      case 'LeakyReLU':
        return activated(layer, x, 'leaky-relu', (config.alpha as number | undefined) ?? 0.3)
      case 'Add':
        return add(name, { op: 'add' }, ...inputs)
      case 'Concatenate':
        if (![-1, 3].includes((config.axis as number | undefined) ?? -1))
          throw refuse(layer, `axis ${String(config.axis)}`)
        return add(name, { op: 'concat' }, ...inputs)
      case 'MaxPooling2D':
      case 'AveragePooling2D': {
        channelsLast(layer)
        const kernel = numbersOf(layer, 'pool_size', 2)
        const stride = config.strides == null ? square(layer, 'pool_size', 2) : square(layer, 'strides')
        const op = type === 'MaxPooling2D' ? 'max-pool' : 'average-pool'
        return add(
          name,
          { op, kernel, stride, padding: slidingOf({ ...layer, config: { ...config, strides: 1 } }).padding },
          x,
        )
      }
      case 'GlobalAveragePooling2D':
        channelsLast(layer)
        return add(name, { op: 'global-average-pool' }, x)
      case 'ZeroPadding2D': {
        channelsLast(layer)
        const [rows, columns] = (config.padding as readonly (number | readonly [number, number])[] | undefined) ?? [
          1, 1,
        ]
        const pair = (sides: number | readonly [number, number] = 1) =>
          typeof sides === 'number' ? [sides, sides] : sides
        const [[top = 1, bottom = 1], [left = 1, right = 1]] = [pair(rows), pair(columns)]
        return add(name, { op: 'zero-pad', top, bottom, left, right }, x)
      }
      case 'Flatten':
        return add(name, { op: 'flatten' }, x)
      case 'Dropout':
      case 'SpatialDropout2D':
        return x
      default:
        throw refuse(layer, '')
    }
  }

  for (const layer of layers) {
    if (softmax !== undefined && layer.type !== 'InputLayer')
      throw refuse({ ...layer, name: softmax, type: 'Softmax' }, 'a softmax that is not the last layer')
    const shape = (layer.config.batch_input_shape ?? layer.config.batch_shape) as (number | null)[] | undefined
    batchShape ??= shape
    if (layer.type === 'InputLayer') outputs.set(layer.name, INPUT)
    else {
      const inputs = layer.inputs.map((name) => outputs.get(name) as string)
      outputs.set(layer.name, translate(layer, inputs.length > 0 ? inputs : [INPUT]))
    }
  }
  // Last, so that a layer that cannot be is named before the shape of what it reads.
  if (batchShape === undefined)
    throw error('ARCHLOOM_PRUNABLE_MODEL', {
      received: 'no input shape',
      expected: 'batch_input_shape in its first layer',
    })
  return { inputShape: inputShapeOf(batchShape), nodes, output: outputs.get(output) as string }
}

function inputShapeOf(shape: readonly (number | null)[]): readonly number[] {
  const rest = shape.slice(1)
  if (rest.length !== 3 || rest.some((size) => size === null))
    throw error('ARCHLOOM_PRUNABLE_MODEL', {
      received: `inputs of shape [${shape.map((size) => size ?? 'null').join(', ')}]`,
      expected: 'images [batch, height, width, channels] of fixed size',
    })
  return rest as number[]
}
