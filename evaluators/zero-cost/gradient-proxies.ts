import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/random.ts'
import { innerProduct, softmaxCrossEntropy } from '../../core/tensor/index.ts'
import type { Batch, Network } from '../../core/trainer.ts'
import { isLinear, watchingKernels } from './watch.ts'

/** Kernels of convolutions and dense layers: what the proxies of gradients look at. */
export const kernelsOf = ({ trainable }: Network): readonly tf.Variable[] => trainable.filter(({ rank }) => rank >= 2)

/** Every pass uses the same random choices, so that a network with dropout gives the same outputs each time. */
const modeOf = (rng: Random, training: boolean) => ({ training, rng: rng.fork('forward'), dropPath: 0 })

const lossOf =
  (network: Network, { inputs, targets }: Batch, rng: Random) =>
  () =>
    softmaxCrossEntropy(network.apply(inputs, modeOf(rng, true)), targets)

/** A number for each kernel, added up. Gradients that are absent (a kernel that reaches no output) add nothing. */
function sumOver(
  variables: readonly tf.Variable[],
  gradients: tf.NamedTensorMap,
  term: (weights: tf.Variable, gradient: tf.Tensor) => tf.Tensor,
): number {
  let sum = 0
  for (const variable of variables) {
    const gradient = gradients[variable.name]
    if (gradient) sum += term(variable, gradient).dataSync()[0]!
  }
  return sum
}

export interface GradientScores {
  readonly gradNorm: number
  readonly snip: number
}

/**
 * From one gradient of the loss of one batch, in training mode. `gradNorm`: the sum over kernels of the gradient's
 * Euclidean norm. `snip`: Σ |θ · ∂L/∂θ| (Lee, Ajanthan and Torr 2019).
 */
export const gradientScores = (network: Network, batch: Batch, rng: Random): GradientScores =>
  tf.tidy(() => {
    const kernels = kernelsOf(network)
    const { grads } = tf.variableGrads(lossOf(network, batch, rng), [...kernels])
    return {
      gradNorm: sumOver(kernels, grads, (_, gradient) => tf.sqrt(innerProduct(gradient, gradient))),
      snip: sumOver(kernels, grads, (weights, gradient) => tf.sum(tf.abs(tf.mul(weights, gradient)))),
    }
  })

/**
 * GraSP, −Σ θ · H g for the gradient g and the Hessian H of the loss (Wang, Zhang and Grosse 2020): H g is the gradient of
 * Σ g(θ) · g with the second g held fixed. Errors: ARCHLOOM_GRADIENT_MISSING for operations without a second derivative.
 */
export const graspScore = (network: Network, batch: Batch, rng: Random): number =>
  tf.tidy(() => {
    const kernels = kernelsOf(network)
    const gradients = () => tf.variableGrads(lossOf(network, batch, rng), [...kernels]).grads
    const fixed = gradients()
    const reached = kernels.filter(({ name }) => fixed[name])
    if (reached.length === 0) return 0
    const { grads } = tf.variableGrads(() => {
      const moving = gradients()
      return tf.addN(reached.map(({ name }) => tf.sum(tf.mul(moving[name]!, fixed[name]!)))) as tf.Scalar
    }, reached)
    return -sumOver(reached, grads, (weights, product) => innerProduct(weights, product))
  })

/**
 * Fisher: over the outputs z of all convolutions and dense layers, the sum over channels of the mean over images of
 * ½ (Σ over positions of z · ∂L/∂z)² (Turner et al. 2020; L is the mean loss of the batch). The inner sum is the gradient
 * with respect to a factor of 1 by which an image's channel is multiplied.
 */
export function fisherScore(network: Network, batch: Batch, rng: Random): number {
  const loss = lossOf(network, batch, rng)
  const gates: tf.Variable[] = []
  try {
    return tf.tidy(() => {
      const shapes: number[][] = []
      watchingKernels(
        (kernel) => {
          if (isLinear(kernel)) shapes.push(gateShape(kernel.outputs[0]!.shape))
          return undefined
        },
        () => loss(),
      )
      for (const shape of shapes) gates.push(tf.variable(tf.ones(shape)))
      const gated = () => {
        let next = 0
        return watchingKernels(
          (kernel) => (isLinear(kernel) ? tf.mul(kernel.outputs[0]!, gates[next++]!) : undefined),
          () => loss(),
        )
      }
      const { grads } = tf.variableGrads(gated, gates)
      const images = batch.inputs.shape[0]!
      return sumOver(gates, grads, (_, gradient) => tf.div(innerProduct(gradient, gradient), 2 * images))
    })
  } finally {
    for (const gate of gates) gate.dispose()
  }
}

/** One factor for each image and channel. */
const gateShape = (shape: readonly number[]) =>
  shape.map((size, axis) => (axis === 0 || axis === shape.length - 1 ? size : 1))

/**
 * Factors of the image and of the outputs by which SynFlow is tried until nothing overflows 32-bit floats. A smaller image
 * keeps the last activations in range, smaller outputs the first gradients.
 */
const SCALES = [1, 1e-8, 1e-16, 1e-24, 1e-32]

/**
 * SynFlow, Σ θ · ∂R/∂θ where all weights are made positive and R is the sum of the outputs for an image of ones (Tanaka et
 * al. 2020); its logarithm to base 10, because it grows exponentially with depth. In evaluation mode, in which the batch
 * norm of fresh weights is the identity. −Infinity where no path leads from the input to the output, Infinity beyond about
 * 10⁷⁰. The network is taken to be homogeneous, so that a smaller image scales the score.
 */
export const synflowScore = (network: Network, rng: Random): number =>
  tf.tidy(() => {
    const kernels = kernelsOf(network)
    const all = [...network.trainable]
    const old = all.map((variable) => variable.clone())
    try {
      for (const variable of all) variable.assign(tf.abs(variable))
      for (const scale of SCALES) {
        const image = tf.fill([1, ...network.inputShape], scale)
        const { grads } = tf.variableGrads(
          () => tf.mul(tf.sum(network.apply(image, modeOf(rng, false))), scale) as tf.Scalar,
          [...kernels],
        )
        const score = sumOver(kernels, grads, innerProduct)
        // Zero for a small image may be what was lost below the smallest number.
        if (Number.isFinite(score) && (score > 0 || scale === 1)) return Math.log10(score) - 2 * Math.log10(scale)
      }
      return Number.POSITIVE_INFINITY
    } finally {
      all.forEach((variable, i) => {
        variable.assign(old[i]!)
      })
    }
  })
