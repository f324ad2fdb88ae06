import * as tf from '@tensorflow/tfjs-core'
import { conv2d, depthwiseConv2d, dropPath, type Layer, type VariableScope } from '../../core/tensor/index.ts'
import { countConvolution, countDepthwise, countInSequence, countNorm, type LayerCounter } from './cost.ts'
import { type Operation, type OperationOptions, paddingOf, stack } from './operation.ts'

export interface MbConvOptions {
  /** Kernel size of the depthwise convolution; odd. */
  readonly kernel: number
  /** The number of hidden channels is channelsIn times this; with 1, the first pointwise convolution is left out. */
  readonly expansion: number
}

type ConvNormOptions = OperationOptions & { readonly kernel: number; readonly relu: boolean }

/** Convolution, normalisation and (except after a linear bottleneck) ReLU. */
export const convNorm = (scope: VariableScope, options: ConvNormOptions): Layer => {
  const { channelsIn, channelsOut, kernel, stride = 1, affine = true, relu } = options
  return stack(
    scope,
    (s) =>
      conv2d(s, {
        inputChannels: channelsIn,
        filters: channelsOut,
        kernel,
        stride,
        padding: paddingOf(kernel, stride),
      }),
    (s) => s.normalise(channelsOut, { affine, relu }),
  )
}

export const countConvNorm = ({
  affine = true,
  ...shape
}: {
  kernel: number
  stride?: number
  filters: number
  affine?: boolean
}): LayerCounter => countInSequence(countConvolution(shape), countNorm(affine))

/**
 * Inverted residual block (Sandler et al., MobileNetV2, arXiv:1801.04381) with plain ReLU: expand, depthwise, project;
 * its input is added if the shape is unchanged. Drop-path applies only to the branch that is added.
 */
export const mbConv = ({ kernel, expansion }: MbConvOptions): Operation => ({
  name: `mb_conv_k${kernel}_e${expansion}`,
  isIdentity: () => false,
  build(scope, { channelsIn, channelsOut, stride = 1, affine = true }) {
    const hidden = Math.round(channelsIn * expansion)
    const expand = (s: VariableScope) => convNorm(s, { channelsIn, channelsOut: hidden, kernel: 1, affine, relu: true })
    const block = stack(
      scope,
      ...(expansion === 1 ? [] : [expand]),
      (s) => depthwiseConv2d(s, { channels: hidden, kernel, stride, padding: paddingOf(kernel, stride) }),
      (s) => s.normalise(hidden, { affine, relu: true }),
      (s) => convNorm(s, { channelsIn: hidden, channelsOut, kernel: 1, affine, relu: false }),
    )
    if (stride !== 1 || channelsIn !== channelsOut) return block
    const drop = dropPath()
    return (x, mode) => tf.add(x, drop(block(x, mode), mode))
  },
  cost({ channelsIn, channelsOut, stride = 1, affine = true }) {
    const hidden = Math.round(channelsIn * expansion)
    return countInSequence(
      ...(expansion === 1 ? [] : [countConvNorm({ kernel: 1, filters: hidden, affine })]),
      countDepthwise({ kernel, stride }),
      countNorm(affine),
      countConvNorm({ kernel: 1, filters: channelsOut, affine }),
    )
  },
})

/**
 * Identity, or a strided 1×1 convolution with normalisation if the shape changes (the "identity" of NAS-Bench-Macro).
 */
export const projectedIdentity: Operation = {
  name: 'identity',
  isIdentity: ({ stride = 1, channelsIn, channelsOut }) => stride === 1 && channelsIn === channelsOut,
  build: (scope, options) =>
    projectedIdentity.isIdentity(options) ? (x) => x : convNorm(scope, { ...options, kernel: 1, relu: false }),
  cost: (options) =>
    projectedIdentity.isIdentity(options)
      ? countInSequence()
      : countConvNorm({
          kernel: 1,
          stride: options.stride ?? 1,
          filters: options.channelsOut,
          affine: options.affine ?? true,
        }),
}
