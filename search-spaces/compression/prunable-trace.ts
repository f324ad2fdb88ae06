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
 * Any network as a layer graph, with its weights: one image is sent through in evaluation mode, and the kernels that
 * the engine is asked for are read. So every network of every space is covered, and any other whose forward pass is
 * made of the kernels that a layer graph knows. Names of nodes are paths of variables in the network's scope.
 * Errors: ARCHLOOM_PRUNABLE_LAYER (a kernel without a counterpart), ARCHLOOM_PRUNABLE_WEIGHTS (NaN, Infinity).
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

/** The kernels of one forward pass, outermost ones only: what a kernel calls inside is its own matter. */
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
    // The method lies on the prototype: taking ours away brings it back.
    Reflect.deleteProperty(engine, 'runKernel')
  }
  return { calls, input, output, leaves }
}

/** Constants that the forward pass made; what existed before it belongs to the network. Ids count up. */
function disposeOwn(leaves: ReadonlyMap<number, tf.Tensor>, input: number): void {
  for (const tensor of leaves.values()) if (tensor.id > input) tensor.dispose()
}
