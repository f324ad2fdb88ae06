import { error } from './prunable-errors.ts'
import { channelsIn, channelsOut, type GraphNode, type GraphPadding, INPUT, type LayerGraph } from './prunable-graph.ts'

type Shape = readonly number[]

const along = (size: number, kernel: number, stride: number, dilation: number, padding: GraphPadding): number => {
  if (padding === 'same') return Math.ceil(size / stride)
  const extent = dilation * (kernel - 1) + 1
  const zeros = padding === 'valid' ? 0 : 2 * padding
  return Math.floor((size + zeros - extent) / stride) + 1
}

function shapeAfter(node: GraphNode, inputs: readonly Shape[]): Shape {
  const refuse = (why: string) => error('ARCHLOOM_PRUNABLE_GRAPH', { node: node.name, why })
  const first = inputs[0] ?? []
  const [height = 1, width = 1] = first
  const channels = first.at(-1) as number
  const image = () => {
    if (first.length !== 3)
      throw refuse(`${node.op} needs [height, width, channels] and receives [${first.join(', ')}]`)
  }
  const receives = (expected: number) => {
    if (channels !== expected) throw refuse(`it reads ${expected} channels and receives ${channels}`)
  }
  switch (node.op) {
    case 'convolution':
    case 'depthwise-convolution': {
      image()
      const [kernelHeight = 1, kernelWidth = 1, reads = 0, last = 0] = node.kernel.shape
      receives(reads)
      const size = (n: number, kernel: number) => along(n, kernel, node.stride, node.dilation, node.padding)
      return [size(height, kernelHeight), size(width, kernelWidth), node.op === 'convolution' ? last : reads * last]
    }
    case 'dense':
      if (first.length !== 1) throw refuse(`dense needs [features] and receives [${first.join(', ')}]`)
      receives(channelsIn(node))
      return [channelsOut(node)]
    case 'batch-norm':
      receives(node.mean.data.length)
      return first
    case 'activation':
      return first
    case 'max-pool':
    case 'average-pool':
      image()
      return [
        along(height, node.kernel[0], node.stride, 1, node.padding),
        along(width, node.kernel[1], node.stride, 1, node.padding),
        channels,
      ]
    case 'zero-pad':
      image()
      return [height + node.top + node.bottom, width + node.left + node.right, channels]
    case 'crop':
      image()
      return [node.height, node.width, channels]
    case 'subsample':
      image()
      return [Math.ceil(height / node.stride), Math.ceil(width / node.stride), channels]
    case 'pad-channels':
      return [...first.slice(0, -1), node.before + channels + node.after]
    case 'global-average-pool':
      image()
      return [channels]
    case 'flatten':
      return [first.reduce((product, size) => product * size, 1)]
    case 'zeros':
      return node.shape
    case 'add':
      for (const other of inputs)
        if (other.join() !== first.join()) throw refuse(`add receives [${first.join(', ')}] and [${other.join(', ')}]`)
      return first
    case 'concat':
      return [...first.slice(0, -1), inputs.reduce((sum, shape) => sum + (shape.at(-1) as number), 0)]
  }
}

/** Shape of every node's output, without the batch, by name; 'input' included. Error: ARCHLOOM_PRUNABLE_GRAPH. */
export function graphShapes(graph: LayerGraph): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>([[INPUT, graph.inputShape]])
  for (const node of graph.nodes) {
    if (shapes.has(node.name))
      throw error('ARCHLOOM_PRUNABLE_GRAPH', { node: node.name, why: 'the name is used twice' })
    const inputs = node.inputs.map((name) => {
      const shape = shapes.get(name)
      if (!shape) throw error('ARCHLOOM_PRUNABLE_GRAPH', { node: node.name, why: `there is no ${name} before it` })
      return shape
    })
    if (inputs.length === 0 && node.op !== 'zeros')
      throw error('ARCHLOOM_PRUNABLE_GRAPH', { node: node.name, why: 'it has no input' })
    shapes.set(node.name, shapeAfter(node, inputs))
  }
  if (!shapes.has(graph.output))
    throw error('ARCHLOOM_PRUNABLE_GRAPH', { node: graph.output, why: 'its output is not one of its nodes' })
  return shapes
}

/** Throws ARCHLOOM_PRUNABLE_WEIGHTS for the first weight that is not finite. */
export function checkWeights(graph: LayerGraph): void {
  for (const node of graph.nodes)
    for (const [weights, value] of Object.entries(node)) {
      const data: unknown = (value as { data?: unknown } | null)?.data
      if (!(data instanceof Float32Array)) continue
      const index = data.findIndex((x) => !Number.isFinite(x))
      if (index >= 0)
        throw error('ARCHLOOM_PRUNABLE_WEIGHTS', { node: node.name, weights, index, value: data[index] as number })
    }
}
