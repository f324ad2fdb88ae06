import * as tf from '@tensorflow/tfjs-core'
import {
  type ConvolutionAttributes,
  convolutionFilterGradientOf,
  convolutionInfo,
  convolutionInputGradientOf,
  depthwiseFilterGradientOf,
  depthwiseInputGradientOf,
} from '../fill-ins/index.ts'
import { type GradientTable, unbroadcast } from './rule.ts'

const isDilated = ({ dilations }: ConvolutionAttributes): boolean => [dilations ?? 1].flat().some((rate) => rate > 1)

/** An engine whose gradient kernels take `dilations` has them under this prefix as well. */
const dilated = (kernel: string): string => `Dilated${kernel}`
const takesDilations = (kernel: string): boolean => tf.getKernel(dilated(kernel), tf.getBackend()) !== undefined

const run = (kernel: string, inputs: tf.NamedTensorMap, attributes: object) =>
  tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap) as tf.Tensor

/** Kernels that are linear in each of two inputs. */
export const products: GradientTable = {
  BatchMatMul: {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved, attributes) => {
      const { transposeA, transposeB } = attributes as unknown as { transposeA: boolean; transposeB: boolean }
      const [a, b] = saved as [tf.Tensor, tf.Tensor]
      const d = dy as tf.Tensor
      const ofA = () => (transposeA ? tf.matMul(b, d, transposeB, true) : tf.matMul(d, b, false, !transposeB))
      const ofB = () => (transposeB ? tf.matMul(d, a, true, transposeA) : tf.matMul(a, d, !transposeA, false))
      return { a: () => unbroadcast(ofA(), a.shape), b: () => unbroadcast(ofB(), b.shape) }
    },
  },
  Conv2D: {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, saved, attributes) => {
      const options = attributes as unknown as ConvolutionAttributes
      const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D]
      // tfjs's gradient kernels know no dilation; the compositions do (for channels last).
      if (isDilated(options) && options.dataFormat !== 'NCHW') {
        if (takesDilations('Conv2DBackpropInput')) {
          const inputs = { x, dy: dy as tf.Tensor, filter }
          const shapes = { inputShape: x.shape, filterShape: filter.shape }
          return {
            x: () => run(dilated('Conv2DBackpropInput'), inputs, { ...options, ...shapes }),
            filter: () => run(dilated('Conv2DBackpropFilter'), inputs, { ...options, ...shapes }),
          }
        }
        const geometry = convolutionInfo(x.shape, filter.shape, options)
        return {
          x: () => convolutionInputGradientOf(dy as tf.Tensor4D, filter, geometry),
          filter: () => convolutionFilterGradientOf(x, dy as tf.Tensor4D, geometry),
        }
      }
      const { strides, pad, dataFormat, dimRoundingMode } = options
      const rest = { strides, pad, dataFormat, dimRoundingMode }
      return {
        x: () => run('Conv2DBackpropInput', { dy: dy as tf.Tensor, filter }, { ...rest, inputShape: x.shape }),
        filter: () => run('Conv2DBackpropFilter', { x, dy: dy as tf.Tensor }, { ...rest, filterShape: filter.shape }),
      }
    },
  },
  // The transposed convolution.
  Conv2DBackpropInput: {
    inputsToSave: ['dy', 'filter'],
    gradFunc: (ddx, saved, attributes) => {
      const { strides, pad, dataFormat, dimRoundingMode } = attributes as unknown as ConvolutionAttributes
      const [dy, filter] = saved as [tf.Tensor4D, tf.Tensor4D]
      const gradient = ddx as tf.Tensor4D
      const rest = { strides, pad, dataFormat, dimRoundingMode }
      return {
        dy: () => run('Conv2D', { x: gradient, filter }, { ...rest, dilations: 1 }),
        filter: () => run('Conv2DBackpropFilter', { x: gradient, dy }, { ...rest, filterShape: filter.shape }),
      }
    },
  },
  DepthwiseConv2dNative: {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, saved, attributes) => {
      const options = attributes as unknown as ConvolutionAttributes
      const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D]
      if (isDilated(options) && !takesDilations('DepthwiseConv2dNativeBackpropInput')) {
        const geometry = convolutionInfo(x.shape, filter.shape, options, true)
        return {
          x: () => depthwiseInputGradientOf(dy as tf.Tensor4D, filter, geometry),
          filter: () => depthwiseFilterGradientOf(x, dy as tf.Tensor4D, geometry),
        }
      }
      const { strides, pad, dimRoundingMode } = options
      const rest = { strides, pad, dimRoundingMode, dilations: options.dilations ?? [1, 1] }
      const named = isDilated(options) ? dilated : (kernel: string) => kernel
      return {
        x: () =>
          run(
            named('DepthwiseConv2dNativeBackpropInput'),
            { dy: dy as tf.Tensor, filter },
            { ...rest, inputShape: x.shape },
          ),
        filter: () =>
          run(
            named('DepthwiseConv2dNativeBackpropFilter'),
            { x, dy: dy as tf.Tensor },
            { ...rest, filterShape: filter.shape },
          ),
      }
    },
  },
  Prelu: {
    inputsToSave: ['x', 'alpha'],
    gradFunc: (dy, saved) => {
      const [x, alpha] = saved as [tf.Tensor, tf.Tensor]
      const d = dy as tf.Tensor
      const positive = tf.cast(tf.greater(x, 0), 'float32')
      return {
        x: () => tf.mul(d, tf.add(positive, tf.mul(tf.sub(1, positive), alpha))),
        alpha: () => unbroadcast(tf.mul(d, tf.minimum(x, 0)), alpha.shape),
      }
    },
  },
}
