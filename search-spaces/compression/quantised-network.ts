import type * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import type { Normalisation } from '../../core/tensor/index.ts'
import type { ApplyMode } from '../../core/trainer.ts'
import { hasKernel, type KernelNode, type LayerGraph, type Weights } from './prunable-graph.ts'
import { currentGraph, type GraphNetwork, graphNetwork } from './prunable-network.ts'
import { checkConvolvable, multiply, quantisedVariables } from './quantised-layer.ts'
import { codes, quantise } from './quantiser.ts'
import { activationGrid, weightGrid } from './standardise.ts'
import { error } from './super-bit-errors.ts'
import { FLOAT_BITS, type LayerBits } from './super-bit-plan.ts'
import { quantiseFixed } from './super-quantiser.ts'

/** How one layer with a kernel is quantised. 32 bits mean that it stays in floating point. */
export interface QuantisedLayer extends LayerBits {
  /** Name of its node in the graph. */
  readonly name: string
  /** The outermost level v > 0 of weights, in units of their standard deviation if they are standardised. */
  readonly weightClip: number
  /**
   * The outermost level v > 0 of the input. Levels are v·i / (2ᵏ − 1), or symmetric like those of weights if the input
   * may be negative.
   */
  readonly activationClip: number
  readonly signed: boolean
  /** Whether weights are centred and divided by their standard deviation before quantisation. */
  readonly standardise: boolean
  /** 'kept': quantised values are multiplied by that standard deviation. */
  readonly weightScale: 'kept' | 'unit'
}

/**
 * A compressed network as plain data: a graph without the pruned channels, with the trained weights before
 * quantisation, and the bits of each layer. `quantisedNetwork` runs it, `quantisedWeights` returns the codes that
 * would be stored.
 */
export interface QuantisedModel {
  readonly graph: LayerGraph
  /** One entry per node with a kernel, in the order of the graph. */
  readonly layers: readonly QuantisedLayer[]
  /** Which filters of the original network each pruned layer kept. */
  readonly kept: Readonly<Record<string, readonly number[]>>
  /** Bit operations for one image, and those of the original network in floating point. */
  readonly bops: number
  readonly fullBops: number
}

export interface QuantisedNetwork extends GraphNetwork {
  readonly model: QuantisedModel
}

export interface QuantisedNetworkOptions {
  /** Takes the place of every batch normalisation, with the scale and offset that the model has. Default: batch normalisation. */
  readonly normalisation?: Normalisation
}

const networkNames = optionNames<QuantisedNetworkOptions>('quantisedNetwork', { normalisation: true })

/**
 * A `Network` that computes with the model's quantised weights and activations, and can be fine-tuned. With another
 * `normalisation`, `currentModel` keeps the statistics of the model that it was built from.
 */
export function quantisedNetwork(model: QuantisedModel, options: QuantisedNetworkOptions = {}): QuantisedNetwork {
  const { normalisation } = networkNames(options)
  const layerOf = new Map(model.layers.map((layer) => [layer.name, layer]))
  const made = graphNetwork(model.graph, (node, scope) => {
    if (node.op === 'batch-norm' && normalisation)
      return normalisation(scope, {
        channels: node.mean.data.length,
        affine: node.gamma !== undefined || node.beta !== undefined,
      })
    if (!hasKernel(node)) return undefined
    const layer = layerOf.get(node.name)
    if (!layer)
      throw error('ARCHLOOM_SUPER_BIT_NETWORK', {
        received: `says nothing about the bits of ${node.name}`,
        expected: 'one entry in layers for each node with a kernel',
      })
    if (layer.weights === FLOAT_BITS && layer.activations === FLOAT_BITS) return undefined
    checkConvolvable(node)
    const { kernel, bias, weightClip, activationClip } = quantisedVariables(node, scope, layer)
    const ofWeights = weightGrid(node.name, node.kernel.shape, {
      standardise: layer.standardise,
      scale: layer.weightScale,
    })
    const ofInputs = activationGrid(layer.signed)
    const fixed = (x: tf.Tensor, clip: tf.Variable, grid: typeof ofInputs, bits: number) =>
      bits === FLOAT_BITS ? x : quantiseFixed(x, clip, grid, bits)
    return (x: tf.Tensor, _mode: ApplyMode) =>
      multiply(
        node,
        fixed(x, activationClip, ofInputs, layer.activations),
        fixed(kernel as tf.Tensor, weightClip, ofWeights, layer.weights),
        bias,
      )
  })
  return Object.defineProperties({ model }, Object.getOwnPropertyDescriptors(made)) as QuantisedNetwork
}

/** The model with the present weights, clip values and statistics of the network. */
export async function currentModel(network: QuantisedNetwork): Promise<QuantisedModel> {
  const { model, scope } = network
  const values = new Map((await scope.save()).map(({ name, data }) => [name, data]))
  const path = (name: string) => name.split('/').filter(Boolean).join('/')
  const clip = (name: string, fallback: number) => Math.abs(values.get(name)?.[0] ?? fallback)
  return {
    ...model,
    graph: await currentGraph(network),
    layers: model.layers.map((layer) => ({
      ...layer,
      weightClip: clip(`${path(layer.name)}/weight_clip`, layer.weightClip),
      activationClip: clip(`${path(layer.name)}/activation_clip`, layer.activationClip),
    })),
  }
}

/** Weights as they would be stored: value = low + step·code. */
export interface QuantisedWeights {
  readonly shape: readonly number[]
  /** 0 … 2ᵏ − 1. */
  readonly codes: Int32Array
  readonly step: number
  /** Value of code 0: −step·(2ᵏ − 1) / 2. */
  readonly low: number
  readonly bits: number
  /** The values that the layer multiplies with. */
  readonly values: Float32Array
}

/** The quantised weights of a layer; undefined if it is not in the model or stays in floating point. */
export function quantisedWeights({ graph, layers }: QuantisedModel, name: string): QuantisedWeights | undefined {
  const layer = layers.find((each) => each.name === name)
  const node = graph.nodes.find((each): each is KernelNode => each.name === name && hasKernel(each))
  if (!layer || !node || layer.weights === FLOAT_BITS) return undefined
  const { shape, data }: Weights = node.kernel
  const scaling = { standardise: layer.standardise, scale: layer.weightScale }
  const grid = weightGrid(name, shape, scaling)(layer.weightClip, () => data)
  const bits = layer.weights
  return {
    shape,
    bits,
    codes: codes(data, grid, bits),
    values: quantise(data, grid, bits),
    step: grid.range / (2 ** bits - 1),
    low: grid.low,
  }
}
