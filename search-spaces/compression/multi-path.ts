import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import { innerProduct, type Layer, type VariableScope, zeros } from '../../core/tensor/index.ts'
import { hasKernel, type KernelNode, type LayerGraph } from './prunable-graph.ts'
import { type GraphNetwork, graphNetwork } from './prunable-network.ts'
import {
  type ClipOptions,
  calibrateClip,
  checkConvolvable,
  largestSize,
  multiply,
  quantisedVariables,
  resolvedClips,
} from './quantised-layer.ts'
import { activationGrid, weightGrid } from './standardise.ts'
import { multiplyAddsOf, uniformChoice } from './super-bit-cost.ts'
import type { LayerBits } from './super-bit-plan.ts'
import { type BitLayer, type SuperBitOptions, type SuperBitPlan, superBitPlan } from './super-bit-plan.ts'
import { quantiseFixed } from './super-quantiser.ts'

export interface MultiPathOptions extends Pick<SuperBitOptions, 'ladder' | 'edgeBits'>, ClipOptions {}

export interface MultiPathNetwork extends GraphNetwork {
  readonly plan: SuperBitPlan
  readonly weightScale: 'kept' | 'unit'
  /** A training pass: logits, and ln of the expected BOPs. Call inside a tidy. */
  search(x: tf.Tensor): { readonly logits: tf.Tensor; readonly logBops: tf.Scalar }
  /** Logits of the mixture, one row [K] per searched layer. */
  readonly mixtures: readonly (tf.Variable | undefined)[]
  /** Width of the most probable path of every layer. */
  bits(): LayerBits[]
  /** Sets the clip of every path's input to twice its root mean square on a batch. Call inside a tidy. */
  calibrateClips(x: tf.Tensor): void
}

const multiPathNetworkNames = optionNames<MultiPathOptions>('multiPathNetwork', {
  ladder: true,
  edgeBits: true,
  weightClip: true,
  activationClip: true,
  weightScale: true,
})

/**
 * The baseline of ABS: a differentiable search over separate paths, as in DNAS (Wu et al., arXiv:1812.00090). Each
 * searched layer has one kernel and one pair of quantisers per width. All of them are computed, and a softmax of
 * learned logits weights their outputs. Weights and activations of a path have the same width. Nothing is pruned.
 */
export function multiPathNetwork(graph: LayerGraph, options: MultiPathOptions = {}): MultiPathNetwork {
  multiPathNetworkNames(options)
  const { weightClip, activationClip, weightScale } = resolvedClips(options)
  const { ladder: asked, edgeBits: edgeAsked } = options
  const plan = superBitPlan(graph, {
    prune: false,
    ...(asked && { ladder: asked }),
    ...(edgeAsked && { edgeBits: edgeAsked }),
  })
  const { ladder, layers, edgeBits } = plan
  const mixtures: (tf.Variable | undefined)[] = []
  const kernels: { readonly own: tf.Variable; readonly bias: tf.Variable | undefined; readonly node: KernelNode }[] = []
  const shares: tf.Tensor[] = []
  let calibrating = false

  const path = (node: KernelNode, scope: VariableScope, layer: BitLayer, bits: number): Layer => {
    const last = layer.role === 'last'
    const clips = { weightClip: last ? largestSize(node.kernel.data) : weightClip, activationClip }
    const own = quantisedVariables(node, scope, clips)
    kernels.push({ own: own.kernel, bias: own.bias, node })
    const weights = weightGrid(node.name, node.kernel.shape, { standardise: !last, scale: weightScale })
    const inputs = activationGrid(layer.signed)
    return (x) => {
      if (calibrating) calibrateClip(own.activationClip, x)
      const input = layer.role === 'first' ? x : quantiseFixed(x, own.activationClip, inputs, bits)
      return multiply(node, input, quantiseFixed(own.kernel as tf.Tensor, own.weightClip, weights, bits), own.bias)
    }
  }
  const indexOf = new Map(layers.map(({ name }, at) => [name, at]))
  const made = graphNetwork(graph, (node, scope) => {
    if (!hasKernel(node)) return undefined
    checkConvolvable(node)
    const at = indexOf.get(node.name) as number
    const layer = layers[at] as BitLayer
    if (layer.role !== 'inner') return path(node, scope, layer, edgeBits)
    const mixture = scope.weight('mixture', [ladder.length], zeros)
    mixtures[at] = mixture
    const paths = ladder.map((bits) => path(node, scope.child(`bits_${bits}`), layer, bits))
    return (x, mode) => {
      const weights = tf.softmax(mixture as tf.Tensor)
      shares[at] = weights
      return mix(
        weights,
        paths.map((each) => each(x, mode)),
      )
    }
  })
  // Every path starts from the trained kernel.
  for (const { own, bias, node } of kernels) {
    tf.tidy(() => own.assign(tf.tensor(Float32Array.from(node.kernel.data), own.shape)))
    const { bias: trained } = node
    if (bias && trained) tf.tidy(() => bias.assign(tf.tensor(Float32Array.from(trained.data), bias.shape)))
  }
  const multiplyAdds = multiplyAddsOf(plan, [])
  const costs = ladder.map((bits) => bits * bits)
  const edges = layers.reduce(
    (sum, { role }, at) => sum + (role === 'inner' ? 0 : edgeBits * edgeBits * multiplyAdds[at]!),
    0,
  )
  const self: Omit<MultiPathNetwork, keyof GraphNetwork> = {
    plan,
    mixtures,
    weightScale,
    search: (x) => {
      const logits = made.apply(x, { training: true })
      const parts = layers.flatMap(({ role }, at) =>
        role === 'inner'
          ? [tf.mul(tf.sum(tf.mul(shares[at] as tf.Tensor, tf.tensor1d(costs))), multiplyAdds[at] as number)]
          : [],
      )
      return { logits, logBops: tf.log(tf.add(tf.addN(parts), edges)) as tf.Scalar }
    },
    bits: () =>
      uniformChoice(plan, ladder[0] as number).bits.map((edge, at) => {
        const mixture = mixtures[at]?.dataSync()
        if (!mixture) return edge
        const bits = ladder[mixture.indexOf(Math.max(...mixture))] as number
        return { weights: bits, activations: bits }
      }),
    calibrateClips: (x) => {
      calibrating = true
      try {
        made.apply(x, { training: false })
      } finally {
        calibrating = false
      }
    },
  }
  return Object.defineProperties(self, Object.getOwnPropertyDescriptors(made)) as MultiPathNetwork
}

/** Computes Σ p_k·y_k in few passes over memory, with the gradients dy_k = p_k·dy and dp_k = Σ dy·y_k. */
function mix(weights: tf.Tensor, outputs: readonly tf.Tensor[]): tf.Tensor {
  const operation = tf.customGrad((...inputs) => {
    const [p, ...ys] = inputs.slice(0, -1) as tf.Tensor[]
    const shares = (p as tf.Tensor).dataSync()
    ;(inputs.at(-1) as unknown as (tensors: tf.Tensor[]) => void)(ys)
    return {
      value: tf.addN(ys.map((y, k) => tf.mul(y, shares[k] as number))),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [
        tf.stack(saved.map((y) => innerProduct(dy, y))),
        ...saved.map((_, k) => tf.mul(dy, shares[k] as number)),
      ],
    }
  })
  return operation(weights, ...outputs)
}
