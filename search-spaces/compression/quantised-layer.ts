import * as tf from '@tensorflow/tfjs-core'
import { optionError } from '../../core/options/index.ts'
import { constant, innerProduct, type VariableScope, zeros } from '../../core/tensor/index.ts'
import type { KernelNode } from './prunable-graph.ts'
import { error } from './super-bit-errors.ts'

/** Initial clip values, in units of the standard deviation of the values. */
export interface ClipOptions {
  /**
   * Initial clip value v of standardised weights. Default: 2. The paper starts at 1, which clips a third of all
   * weights.
   */
  readonly weightClip?: number
  /** Clip value v of activations before calibration. Default: 2. */
  readonly activationClip?: number
  /**
   * 'kept': quantised weights are multiplied by their standard deviation, so that a trained network initially keeps
   * its function. 'unit': they are not, as in the paper, so that normalisations have to compensate. Default: 'kept'.
   */
  readonly weightScale?: 'kept' | 'unit'
}

/** Fills in the defaults of clip options. Error: ARCHLOOM_OPTION. */
export function resolvedClips({ weightClip = 2, activationClip = 2, weightScale = 'kept' }: ClipOptions) {
  for (const [option, received] of Object.entries({ weightClip, activationClip }))
    if (!(received > 0 && Number.isFinite(received)))
      throw optionError('compression', option, received, 'a positive number')
  return { weightClip, activationClip, weightScale }
}

export interface QuantisedVariables {
  readonly kernel: tf.Variable
  readonly bias: tf.Variable | undefined
  readonly weightClip: tf.Variable
  readonly activationClip: tf.Variable
}

export type InitialClips = Required<Pick<ClipOptions, 'weightClip' | 'activationClip'>>

/** Makes the variables of a layer; kernel and bias are loaded from the node afterwards. */
export function quantisedVariables(node: KernelNode, scope: VariableScope, clips: InitialClips): QuantisedVariables {
  return {
    kernel: scope.weight('kernel', node.kernel.shape, zeros),
    bias: node.bias ? scope.weight('bias', node.bias.shape, zeros) : undefined,
    weightClip: scope.weight('weight_clip', [1], constant(clips.weightClip)),
    activationClip: scope.weight('activation_clip', [1], constant(clips.activationClip)),
  }
}

/** Applies a node with other weights than its own. */
export function multiply(node: KernelNode, x: tf.Tensor, weights: tf.Tensor, bias: tf.Variable | undefined): tf.Tensor {
  const y = productOf(node, x, weights)
  return bias ? tf.add(y, bias as tf.Tensor) : y
}

function productOf(node: KernelNode, x: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  if (node.op === 'dense') return tf.matMul(x as tf.Tensor2D, weights as tf.Tensor2D)
  const { stride, padding, dilation } = node
  if (node.op === 'convolution')
    return tf.conv2d(x as tf.Tensor4D, weights as tf.Tensor4D, stride, padding, 'NHWC', dilation)
  return tf.depthwiseConv2d(x as tf.Tensor4D, weights as tf.Tensor4D, stride, padding, 'NHWC', dilation)
}

/**
 * Checks that a layer has no stride together with a dilation, which tfjs does not support. Error:
 * ARCHLOOM_SUPER_BIT_NETWORK.
 */
export function checkConvolvable(node: KernelNode): void {
  if (node.op !== 'dense' && node.stride > 1 && node.dilation > 1)
    throw error('ARCHLOOM_SUPER_BIT_NETWORK', {
      received: `has a stride and a dilation at ${node.name}`,
      expected: 'layers with a stride or a dilation, but not both',
    })
}

/** The largest absolute value of weights: the clip value of those that are not standardised. */
export const largestSize = (values: Float32Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1

/** Sets a clip value to twice the root mean square, which a normalised and rectified input rarely exceeds. */
export function calibrateClip(clip: tf.Variable, x: tf.Tensor): void {
  const rms = Math.sqrt(innerProduct(x, x).dataSync()[0] as number) / Math.sqrt(x.size)
  if (rms > 0) clip.assign(tf.tensor1d([2 * rms]))
}
