import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ArchloomError } from '../../core/errors.ts'
import { messageOf, type Network } from '../../core/index.ts'
import {
  checkWeights,
  importLayersModel,
  type LayerGraph,
  layerGraph,
  readSavedModel,
  type SavableModel,
} from '../../search-spaces/compression/index.ts'
import { importGraphModel, importOnnx } from '../onnx/index.ts'
import { error } from './errors.ts'

/**
 * A trained network of archloom, a `tf.LayersModel`, a layer graph, the folder (or model.json) of a saved tf.js model
 * (LayersModel or GraphModel), or an ONNX file.
 */
export type ModelSource = Network | LayerGraph | SavableModel | string | URL

/**
 * Converts any model to a layer graph with its weights. A final softmax is left out, so that the graph gives logits.
 * Errors: ARCHLOOM_COMPRESS_SOURCE; ARCHLOOM_PRUNABLE_LAYER names a layer that is not supported, with those that are;
 * ARCHLOOM_PRUNABLE_WEIGHTS for weights that are not finite; those of importGraphModel.
 */
export async function layerGraphOf(source: ModelSource): Promise<LayerGraph> {
  const graph = withoutSoftmax(await graphOf(source))
  checkWeights(graph)
  return graph
}

async function graphOf(source: ModelSource): Promise<LayerGraph> {
  if (typeof source === 'string' || source instanceof URL) return fromFolder(source)
  if (typeof source !== 'object' || source === null)
    throw error('ARCHLOOM_COMPRESS_SOURCE', { source: String(source), reason: 'it is not a model' })
  if ('nodes' in source) return source
  // A LayersModel also has `apply` and `trainable`.
  if ('apply' in source && 'inputShape' in source) return layerGraph(source, { lastSoftmax: 'drop' })
  if ('save' in source) return importLayersModel(source)
  throw error('ARCHLOOM_COMPRESS_SOURCE', { source: typeof source, reason: 'its type is not supported' })
}

/** The graph without a softmax as its last node. */
function withoutSoftmax(graph: LayerGraph): LayerGraph {
  const last = graph.nodes.find(({ name }) => name === graph.output)
  if (last?.op !== 'activation' || last.activation !== 'softmax') return graph
  return { ...graph, nodes: graph.nodes.filter((node) => node !== last), output: last.inputs[0]! }
}

async function fromFolder(source: string | URL): Promise<LayerGraph> {
  const path = source instanceof URL || source.startsWith('file://') ? fileURLToPath(source) : source
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'model.json') : path
  if (path.endsWith('.onnx') && existsSync(path)) {
    using network = await importOnnx(path)
    return await layerGraph(network, { lastSoftmax: 'drop' })
  }
  if (!existsSync(file)) throw error('ARCHLOOM_COMPRESS_SOURCE', { source: path, reason: 'there is no model.json' })
  try {
    if ((await readSavedModel(file)).kind === 'layers-model') return await importLayersModel(file)
    using network = await importGraphModel(file)
    return await layerGraph(network, { lastSoftmax: 'drop' })
  } catch (cause) {
    if (ArchloomError.is(cause) && cause.code !== 'ARCHLOOM_TFJS_FOLDER') throw cause
    throw error('ARCHLOOM_COMPRESS_SOURCE', { source: path, reason: messageOf(cause) }, { cause })
  }
}
