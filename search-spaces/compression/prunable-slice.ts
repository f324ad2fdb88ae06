import { type Coupling, type KeptChannels, keptClasses, keptPositions } from './prunable-channels.ts'
import type { GraphNode, LayerGraph, Weights } from './prunable-graph.ts'

/** The elements of an array at some positions of its last two axes: [leading, second-to-last, last]. */
export function sliceKernel({ shape, data }: Weights, inputs: readonly number[], outputs: readonly number[]): Weights {
  const [rows, columns] = [shape.at(-2) as number, shape.at(-1) as number]
  const leading = shape.slice(0, -2)
  const field = leading.reduce((product, size) => product * size, 1)
  const sliced = new Float32Array(field * inputs.length * outputs.length)
  let at = 0
  for (let position = 0; position < field; position++)
    for (const input of inputs) {
      const row = (position * rows + input) * columns
      for (const output of outputs) sliced[at++] = data[row + output] as number
    }
  return { shape: [...leading, inputs.length, outputs.length], data: sliced }
}

const sliceVector = ({ data }: Weights, places: readonly number[]): Weights => ({
  shape: [places.length],
  data: Float32Array.from(places, (place) => data[place] as number),
})

const every = (count: number) => Array.from({ length: count }, (_, i) => i)

function sliceNode(node: GraphNode, input: readonly number[], output: readonly number[]): GraphNode {
  switch (node.op) {
    case 'convolution':
    case 'dense':
      return {
        ...node,
        kernel: sliceKernel(node.kernel, input, output),
        ...(node.bias && { bias: sliceVector(node.bias, output) }),
      }
    case 'depthwise-convolution':
      return {
        ...node,
        kernel: sliceKernel(node.kernel, input, every(node.kernel.shape[3]!)),
        ...(node.bias && { bias: sliceVector(node.bias, output) }),
      }
    case 'batch-norm':
      return {
        ...node,
        ...(node.gamma && { gamma: sliceVector(node.gamma, output) }),
        ...(node.beta && { beta: sliceVector(node.beta, output) }),
        mean: sliceVector(node.mean, output),
        variance: sliceVector(node.variance, output),
      }
    case 'zeros':
      return { ...node, shape: [...node.shape.slice(0, -1), output.length] }
    default:
      return node
  }
}

/**
 * The network with only the kept channels of each group: kernels, biases and normalisations become smaller. Kept
 * channels are computed from the kept channels of their inputs; weights are not adjusted. Error:
 * ARCHLOOM_PRUNABLE_KEEP.
 */
export function sliceGraph(graph: LayerGraph, coupling: Coupling, kept: KeptChannels): LayerGraph {
  const stays = keptClasses(coupling, kept)
  const places = (name: string) => keptPositions(coupling.classes.get(name) as Int32Array, stays)
  const nodes = graph.nodes.map((node): GraphNode => {
    const output = places(node.name)
    const input = node.inputs[0] === undefined ? [] : places(node.inputs[0])
    if (node.op !== 'pad-channels') return sliceNode(node, input, output)
    const before = output.filter((place) => place < node.before).length
    return { ...node, before, after: output.length - before - input.length }
  })
  return { ...graph, nodes }
}
