import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import type { Network } from '../../core/trainer.ts'
import { error } from './prunable-errors.ts'
import type { LayerGraph } from './prunable-graph.ts'
import { checkWeights } from './prunable-shapes.ts'
import { type Call, graphOfCalls, type LastSoftmax, type TracedConstant } from './prunable-trace-graph.ts'

export interface LayerGraphOptions {
  /**
   * A softmax at the end: 'keep' makes it an activation, 'drop' leaves it out, so that the graph gives logits.
   * Default 'refuse'.
   */
  readonly lastSoftmax?: LastSoftmax
}

const layerGraphNames = optionNames<LayerGraphOptions>('layerGraph', { lastSoftmax: true })

/**
 * Converts any network to a layer graph with its weights. One image is passed through the network in evaluation mode,
 * and the kernels that run are recorded. This supports every network of every built-in space, and any other network
 * whose forward pass consists of kernels that a layer graph supports. Nodes are named after the paths of their
 * variables in the network's scope. Errors: ARCHLOOM_PRUNABLE_LAYER (a kernel without a counterpart),
 * ARCHLOOM_PRUNABLE_WEIGHTS (NaN, Infinity).
 */
export async function layerGraph(network: Network, options: LayerGraphOptions = {}): Promise<LayerGraph> {
  layerGraphNames(options)
  if (network.inputShape.length !== 3)
    throw error('ARCHLOOM_PRUNABLE_MODEL', {
      received: `inputs of shape [${network.inputShape.join(', ')}]`,
      expected: 'images [height, width, channels]',
    })
  const { calls, input, output, leaves } = traced(network)
  const variables = new Map([...network.trainable, ...network.state].map((each) => [each.id, each]))
  const constants = new Map<number, TracedConstant>()
  try {
    for (const tensor of leaves.values()) {
      const data = Float32Array.from(await tensor.data())
      const name = variables.get(tensor.id)?.name.replace(/^archloom-\d+\//, '')
      constants.set(tensor.id, { shape: tensor.shape, data, ...(name !== undefined && { name }) })
    }
  } finally {
    disposeOwn(leaves, input)
  }
  const graph = graphOfCalls({
    calls,
    input,
    output,
    constants,
    inputShape: network.inputShape,
    lastSoftmax: options.lastSoftmax ?? 'refuse',
  })
  checkWeights(graph)
  return graph
}

/** Records the kernels of one forward pass, without those that run inside other kernels. */
function traced(network: Network) {
  const engine = tf.engine()
  const calls: Call[] = []
  const made = new Set<number>()
  const leaves = new Map<number, tf.Tensor>()
  const listOf = (tensors: unknown) => (Array.isArray(tensors) ? tensors : [tensors]) as tf.Tensor[]
  let depth = 0
  const run = engine.runKernel.bind(engine)
  let [input, output] = [-1, -1]
  engine.runKernel = ((kernel: string, inputs: tf.NamedTensorMap, attributes?: tf.NamedAttrMap) => {
    depth++
    try {
      const outputs = run(kernel, inputs, attributes)
      if (depth === 1) {
        const named = Object.entries(inputs).filter(([, tensor]) => tensor != null)
        for (const [, tensor] of named)
          for (const each of listOf(tensor))
            if (each.id !== input && !made.has(each.id) && !leaves.has(each.id))
              leaves.set(each.id, each.id > input ? tf.keep(each) : each)
        const given = (tensors: unknown) => listOf(tensors).map(({ id }) => id)
        calls.push({
          kernel,
          inputs: Object.fromEntries(named.map(([name, tensor]) => [name, given(tensor)])),
          attributes: { ...attributes },
          outputs: listOf(outputs).map(({ id, shape }) => ({ id, shape: [...shape] })),
        })
        for (const { id } of listOf(outputs)) made.add(id)
      }
      return outputs
    } finally {
      depth--
    }
  }) as typeof engine.runKernel
  try {
    tf.tidy(() => {
      const x = tf.tensor4d(new Float32Array(network.inputShape.reduce((a, b) => a * b, 1)), [
        1,
        ...(network.inputShape as [number, number, number]),
      ])
      input = x.id
      output = network.apply(x, { training: false }).id
    })
  } catch (thrown) {
    disposeOwn(leaves, input)
    throw thrown
  } finally {
    // The original method is on the prototype, so deleting ours restores it.
    Reflect.deleteProperty(engine, 'runKernel')
  }
  return { calls, input, output, leaves }
}

/** Disposes constants that the forward pass made. Ids increase, so smaller ones belong to the network. */
function disposeOwn(leaves: ReadonlyMap<number, tf.Tensor>, input: number): void {
  for (const tensor of leaves.values()) if (tensor.id > input) tensor.dispose()
}
