/** What a search of bits and filters found, as an ONNX file with the same levels. */
import {
  FLOAT_BITS,
  graphNetwork,
  hasKernel,
  type LayerGraph,
  type QuantisedModel,
  quantisedWeights,
} from '../../search-spaces/compression/index.ts'
import { type Exported, type ExportOptions, graphOf, written } from './export.ts'
import { shareConstants } from './fold.ts'
import { quantisedModelOptions } from './options.ts'
import { type Clip, quantise } from './quantise.ts'

/** The graph with the values that its quantised weights stand for. */
const onLevels = (model: QuantisedModel): LayerGraph => ({
  ...model.graph,
  nodes: model.graph.nodes.map((node) => {
    const weights = hasKernel(node) ? quantisedWeights(model, node.name) : undefined
    return weights && hasKernel(node) ? { ...node, kernel: { shape: weights.shape, data: weights.values } } : node
  }),
})

const path = (name: string) => name.split('/').filter(Boolean).join('/')

/**
 * A quantised model (ABS, or bits of your own) with its pruned filters gone and its searched bits: weights as integers,
 * activations between QuantizeLinear and DequantizeLinear with the learned clips. Only what the model quantises is
 * quantised, and nothing is calibrated. Errors: as `exportOnnx`.
 */
export async function exportQuantisedModel(
  model: QuantisedModel,
  given: Pick<ExportOptions, 'file' | 'foldBatchNorm'> = {},
): Promise<Exported> {
  const options = quantisedModelOptions.read(given)
  using network = graphNetwork(onLevels(model))
  const { graph, ...sizes } = await graphOf(network, options)
  const bits = { weights: { '*': 32 } as Record<string, number>, activations: { '*': 32 } as Record<string, number> }
  const clips = new Map<string, Clip>()
  for (const { name, weights, activations, activationClip, signed } of model.layers) {
    bits.weights[path(name)] = weights
    bits.activations[path(name)] = activations
    if (activations !== FLOAT_BITS) clips.set(path(name), { clip: activationClip, signed })
  }
  const quantised = quantise(graph, { ...bits, clips }, new Map())
  shareConstants(graph)
  return written(graph, { ...sizes, quantised }, options.file)
}
