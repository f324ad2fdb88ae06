import * as tf from '@tensorflow/tfjs-core'
import { pickOptions } from '../../core/options/index.ts'
import { seeded } from '../../core/random.ts'
import {
  avgPool,
  batchNorm,
  conv2d,
  dense,
  depthwiseConv2d,
  globalAvgPool,
  type Layer as LayerFunction,
  maxPool,
  network,
  type ScopedNetwork,
  subsample,
  type VariableScope,
  variableScope,
  type WeightRecord,
} from '../../core/tensor/index.ts'
import {
  type ActivationNode,
  channelsIn,
  channelsOut,
  type GraphNode,
  hasKernel,
  INPUT,
  type LayerGraph,
} from './prunable-graph.ts'
import { graphShapes } from './prunable-shapes.ts'

const activations: Readonly<Record<ActivationNode['activation'], (x: tf.Tensor, alpha?: number) => tf.Tensor>> = {
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
  sigmoid: (x) => tf.sigmoid(x),
  tanh: (x) => tf.tanh(x),
  elu: (x, alpha = 1) =>
    alpha === 1 ? tf.elu(x) : tf.add(tf.relu(x), tf.mul(tf.sub(tf.exp(tf.minimum(x, 0)), 1), alpha)),
  'leaky-relu': (x, alpha = 0.2) => tf.leakyRelu(x, alpha),
  softplus: (x) => tf.softplus(x),
  swish: (x) => tf.mul(x, tf.sigmoid(x)),
  softmax: (x) => tf.softmax(x),
}

const partsOf = (name: string) => name.split('/').filter((part) => part !== '')

const scopeOf = (root: VariableScope, name: string): VariableScope =>
  partsOf(name).reduce((scope, part) => scope.child(part), root)

/** The layer of a node with one input. With `relu`, the ReLU that follows is a part of it. */
function layerOf(root: VariableScope, node: GraphNode, relu: boolean): LayerFunction {
  const scope = () => scopeOf(root, node.name)
  switch (node.op) {
    case 'convolution': {
      const { kernel, stride, dilation, padding } = node
      const [height = 1, width = 1] = kernel.shape
      return conv2d(scope(), {
        inputChannels: channelsIn(node),
        filters: channelsOut(node),
        kernel: [height, width],
        stride,
        dilation,
        padding,
        bias: node.bias !== undefined,
      })
    }
    case 'depthwise-convolution': {
      const { kernel, stride, dilation, padding } = node
      const [height = 1, width = 1, channels = 1, multiplier = 1] = kernel.shape
      return depthwiseConv2d(scope(), {
        channels,
        multiplier,
        kernel: [height, width],
        stride,
        dilation,
        padding,
        bias: node.bias !== undefined,
      })
    }
    case 'dense':
      return dense(scope(), { inputs: channelsIn(node), units: channelsOut(node), bias: node.bias !== undefined })
    case 'batch-norm': {
      const affine = node.gamma !== undefined || node.beta !== undefined
      return batchNorm(scope(), { channels: node.mean.data.length, epsilon: node.epsilon, affine, relu })
    }
    case 'activation':
      return (x) => activations[node.activation](x, node.alpha)
    case 'max-pool':
      return maxPool(pickOptions(node, ['kernel', 'stride', 'padding']))
    case 'average-pool':
      return avgPool(pickOptions(node, ['kernel', 'stride', 'padding']))
    case 'zero-pad':
      return (x) =>
        tf.pad(x, [
          [0, 0],
          [node.top, node.bottom],
          [node.left, node.right],
          [0, 0],
        ])
    case 'crop':
      return (x) => {
        const [batch = 1, , , channels = 1] = x.shape
        return tf.slice(x, [0, node.top, node.left, 0], [batch, node.height, node.width, channels])
      }
    case 'subsample':
      return (x) => subsample(x as tf.Tensor4D, node.stride)
    case 'pad-channels':
      return (x) => tf.pad(x, [...x.shape.slice(1).map(() => [0, 0] as [number, number]), [node.before, node.after]])
    case 'global-average-pool':
      return globalAvgPool()
    case 'flatten':
      return (x) => tf.reshape(x, [x.shape[0] ?? 1, -1])
    default:
      return (x) => x
  }
}

/** Weights by the names that the network's scope gives them. */
function recordsOf(graph: LayerGraph): WeightRecord[] {
  return graph.nodes.flatMap((node) => {
    const path = partsOf(node.name).join('/')
    const record = (name: string, weights: { shape: readonly number[]; data: Float32Array }): WeightRecord => ({
      name: `${path}/${name}`,
      shape: weights.shape,
      data: weights.data,
    })
    if (node.op === 'batch-norm') {
      const { gamma, beta, mean, variance } = node
      const filled = (value: number) => ({ shape: mean.shape, data: new Float32Array(mean.data.length).fill(value) })
      const affine = gamma || beta ? [record('gamma', gamma ?? filled(1)), record('beta', beta ?? filled(0))] : []
      return [...affine, record('moving_mean', mean), record('moving_variance', variance)]
    }
    if (!hasKernel(node)) return []
    return [record('kernel', node.kernel), ...(node.bias ? [record('bias', node.bias)] : [])]
  })
}

/** Receives the inputs and output of each node in a forward pass; they are tensors of the running tidy. */
export type NodeObserver = (node: GraphNode, inputs: readonly tf.Tensor[], output: tf.Tensor) => void

/**
 * Makes a layer that replaces that of a node, or returns undefined to keep it. Its weights have the same names as
 * those of the node.
 */
export type LayerOverride = (node: GraphNode, scope: VariableScope) => LayerFunction | undefined

export interface GraphNetwork extends ScopedNetwork {
  /** The graph that the network was built from, with the weights at that time. */
  readonly graph: LayerGraph
  /** Whether layers compute something other than their nodes describe, as quantised ones do. */
  readonly overridden: boolean
  /** Evaluates a batch and calls the observer for every node. Call it inside a tidy. */
  observe(x: tf.Tensor, observer: NodeObserver): tf.Tensor
}

/**
 * A `Network` of a graph, with the graph's weights: it can be evaluated and trained like any other. Batch statistics
 * are used while training. Error: ARCHLOOM_PRUNABLE_GRAPH.
 */
export function graphNetwork(graph: LayerGraph, override?: LayerOverride): GraphNetwork {
  const shapes = graphShapes(graph)
  const readers = new Map<string, GraphNode[]>()
  for (const node of graph.nodes)
    for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node])
  /** A ReLU that is the only reader of a normalisation, which engines fuse with it. */
  const fusedInto = new Map<string, string>()
  for (const node of graph.nodes) {
    const next = readers.get(node.name)
    if (node.op !== 'batch-norm' || next?.length !== 1 || node.name === graph.output) continue
    const [reader] = next
    if (reader?.op === 'activation' && reader.activation === 'relu') fusedInto.set(node.name, reader.name)
  }
  // Initial values are overwritten below, so the generator does not matter.
  const scope = variableScope({ rng: seeded(0) })
  const replaced = new Map(graph.nodes.map((node) => [node, override?.(node, scopeOf(scope, node.name))]))
  // A layer that replaces a normalisation does not contain the ReLU that follows.
  for (const [{ name }, layer] of replaced) if (layer) fusedInto.delete(name)
  const fusedReLUs = new Set(fusedInto.values())
  const layers = graph.nodes.map((node) => ({
    node,
    layer: fusedReLUs.has(node.name)
      ? (x: tf.Tensor) => x
      : (replaced.get(node) ?? layerOf(scope, node, fusedInto.has(node.name))),
  }))
  // Replaced layers may have more or fewer variables.
  scope.load(recordsOf(graph), { partial: override !== undefined })

  const run = (x: tf.Tensor, mode: Parameters<LayerFunction>[1], observer?: NodeObserver): tf.Tensor => {
    const values = new Map<string, tf.Tensor>([[INPUT, x]])
    for (const { node, layer } of layers) {
      const inputs = node.inputs.map((name) => values.get(name) as tf.Tensor)
      const [first] = inputs
      const output =
        node.op === 'add'
          ? inputs.reduce((sum, each) => tf.add(sum, each))
          : node.op === 'concat'
            ? tf.concat(inputs, -1)
            : first === undefined
              ? tf.zeros([x.shape[0] ?? 1, ...(shapes.get(node.name) as readonly number[])])
              : layer(first, mode)
      values.set(node.name, output)
      observer?.(node, inputs, output)
    }
    return values.get(graph.output) as tf.Tensor
  }
  const made = network({
    scope,
    inputShape: graph.inputShape,
    outputShape: shapes.get(graph.output) as readonly number[],
    apply: (x, mode) => run(x, mode),
  })
  return Object.defineProperties(
    {
      graph,
      overridden: override !== undefined,
      observe: (x: tf.Tensor, observer: NodeObserver) => run(x, { training: false }, observer),
    },
    Object.getOwnPropertyDescriptors(made),
  ) as GraphNetwork
}

/** The graph of a network made by `graphNetwork`, with its present weights (such as after fine-tuning). */
export async function currentGraph({ graph, scope }: GraphNetwork): Promise<LayerGraph> {
  const records = new Map((await scope.save()).map(({ name, shape, data }) => [name, { shape, data }]))
  const nodes = graph.nodes.map((node): GraphNode => {
    const path = partsOf(node.name).join('/')
    const of = (name: string) => records.get(`${path}/${name}`)
    if (node.op === 'batch-norm') {
      const [gamma, beta] = [of('gamma'), of('beta')]
      return {
        ...node,
        ...(gamma && { gamma }),
        ...(beta && { beta }),
        mean: of('moving_mean') ?? node.mean,
        variance: of('moving_variance') ?? node.variance,
      }
    }
    if (!hasKernel(node)) return node
    const [kernel, bias] = [of('kernel'), of('bias')]
    return { ...node, ...(kernel && { kernel }), ...(bias && { bias }) } as GraphNode
  })
  return { ...graph, nodes }
}
