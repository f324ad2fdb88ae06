import * as tf from '@tensorflow/tfjs-core'
import { error } from '../errors.ts'
import {
  type ConvolutionAttributes,
  convolutionFilterGradientOf,
  convolutionInfo,
  convolutionInputGradientOf,
  depthwiseFilterGradientOf,
  depthwiseInputGradientOf,
} from '../fill-ins/index.ts'
import { type GradientRule, type GradientTable, unbroadcast } from './rule.ts'

const isDilated = ({ dilations }: ConvolutionAttributes): boolean => [dilations ?? 1].flat().some((rate) => rate > 1)

/** The name under which an engine registers a gradient kernel that accepts `dilations`. */
const dilated = (kernel: string): string => `Dilated${kernel}`
const takesDilations = (kernel: string): boolean => tf.getKernel(dilated(kernel), tf.getBackend()) !== undefined

const run = (kernel: string, inputs: tf.NamedTensorMap, attributes: object) =>
  tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap) as tf.Tensor

/** Splits an einsum equation into the letters of each input and of the output. */
function lettersOf(equation: string): { inputs: string[]; output: string } {
  const [left, output = ''] = equation.replace(/\s/g, '').split('->')
  return { inputs: (left as string).split(','), output }
}

/** The gradient of one input. Along letters that only this input has, every position receives the same gradient. */
function einsumBack(dy: tf.Tensor, at: number, inputs: readonly tf.Tensor[], equation: string): tf.Tensor {
  const { inputs: letters, output } = lettersOf(equation)
  const own = letters[at] as string
  const others = inputs.filter((_, i) => i !== at)
  const lettersOfOthers = letters.filter((_, i) => i !== at)
  const kept = [...own].filter((letter) => [output, ...lettersOfOthers].some((each) => each.includes(letter)))
  const result = `->${kept.join('')}`
  // The einsum of tfjs does not accept scalars.
  const gradient =
    output !== ''
      ? tf.einsum([output, ...lettersOfOthers].join(',') + result, dy, ...others)
      : tf.mul(dy, others.length > 0 ? tf.einsum(lettersOfOthers.join(',') + result, ...others) : 1)
  const { shape } = inputs[at] as tf.Tensor
  const places = shape.map((size, axis) => (kept.includes(own[axis] as string) ? size : 1))
  return tf.add(tf.zeros(shape), tf.reshape(gradient, places))
}

type ConvolutionKernel = 'Conv2D' | 'DepthwiseConv2dNative'

/**
 * Gradients of the gradient kernels of a convolution, which nested gradients need. All three are linear in each input,
 * and each is the gradient of the others. The dilated ones exist on engines that have them.
 */
function ofConvolutionGradients(forward: ConvolutionKernel): GradientTable {
  const [ofInput, ofFilter] = [`${forward}BackpropInput`, `${forward}BackpropFilter`]
  const rule = (kernel: string, named: (kernel: string) => string): GradientRule => ({
    inputsToSave: kernel === ofInput ? ['dy', 'filter'] : ['x', 'dy'],
    gradFunc: (given, saved, attributes) => {
      const { inputShape, filterShape, ...rest } = attributes as unknown as ConvolutionAttributes & Shapes
      const gradient = given as tf.Tensor
      const [first, second] = saved as [tf.Tensor, tf.Tensor]
      const options = { dilations: [1, 1], dataFormat: 'NHWC', ...rest }
      // The dilated kernel also has x as an input.
      const extra = (x: tf.Tensor): tf.NamedTensorMap => (named === dilated ? { x } : {})
      if (kernel === ofInput) {
        const [dy, filter] = [first, second]
        return {
          x: () => tf.zeros(gradient.shape),
          dy: () => run(forward, { x: gradient, filter }, options),
          filter: () => run(named(ofFilter), { x: gradient, dy }, { ...options, filterShape: filter.shape }),
        }
      }
      const [x, dy] = [first, second]
      return {
        x: () => run(named(ofInput), { ...extra(x), dy, filter: gradient }, { ...options, inputShape: x.shape }),
        dy: () => run(forward, { x, filter: gradient }, options),
        filter: () => tf.zeros(gradient.shape),
      }
    },
  })
  const plain = (kernel: string) => kernel
  return {
    // The transposed convolution is a separate operation with its own rule in the table.
    ...(forward === 'Conv2D' ? {} : { [ofInput]: rule(ofInput, plain) }),
    [ofFilter]: rule(ofFilter, plain),
    [dilated(ofInput)]: rule(ofInput, dilated),
    [dilated(ofFilter)]: rule(ofFilter, dilated),
  }
}

interface Shapes {
  readonly inputShape?: number[]
  readonly filterShape?: number[]
}

interface Conv3DAttributes {
  readonly strides: number | [number, number, number]
  readonly pad: 'same' | 'valid'
  readonly dilations?: number | [number, number, number] | null
}

const dilated3D = () => ({ kernel: 'Conv3D with dilations', engine: tf.getBackend() })

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
      // The gradient kernels of tfjs do not support dilation; the compositions do (for channels last).
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
  ...ofConvolutionGradients('Conv2D'),
  ...ofConvolutionGradients('DepthwiseConv2dNative'),
  Conv3D: {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, saved, attributes) => {
      const { strides, pad, dilations } = attributes as unknown as Conv3DAttributes
      const [x, filter] = saved as [tf.Tensor, tf.Tensor]
      if ([dilations ?? 1].flat().some((rate) => rate > 1)) throw error('ARCHLOOM_GRADIENT_MISSING', dilated3D())
      return {
        x: () => run('Conv3DBackpropInputV2', { dy: dy as tf.Tensor, filter }, { strides, pad, inputShape: x.shape }),
        filter: () =>
          run('Conv3DBackpropFilterV2', { x, dy: dy as tf.Tensor }, { strides, pad, filterShape: filter.shape }),
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
  Dilation2D: {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, saved, attributes) => {
      const [x, filter] = saved as [tf.Tensor, tf.Tensor]
      const inputs = { x, filter, dy: dy as tf.Tensor }
      return {
        x: () => run('Dilation2DBackpropInput', inputs, attributes),
        filter: () => run('Dilation2DBackpropFilter', inputs, attributes),
      }
    },
  },
  Einsum: {
    saveAllInputs: true,
    gradFunc: (dy, saved, attributes) => {
      const { equation } = attributes as unknown as { equation: string }
      return Object.fromEntries(saved.map((_, at) => [at, () => einsumBack(dy as tf.Tensor, at, saved, equation)]))
    },
  },
  // Missing offset and scale are saved as empty tensors.
  FusedBatchNorm: {
    inputsToSave: ['x', 'mean', 'variance', 'scale'],
    gradFunc: (dy, saved, attributes) => {
      const { varianceEpsilon } = attributes as unknown as { varianceEpsilon: number }
      const [x, mean, variance, given] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
      const d = dy as tf.Tensor
      const scale = given.size > 0 ? given : tf.scalar(1)
      const inverse = tf.rsqrt(tf.add(variance, varianceEpsilon))
      const centred = tf.sub(x, mean)
      const scaled = tf.mul(d, scale)
      return {
        x: () => tf.mul(scaled, inverse),
        mean: () => unbroadcast(tf.neg(tf.mul(scaled, inverse)), mean.shape),
        variance: () =>
          unbroadcast(
            tf.mul(tf.mul(scaled, centred), tf.mul(-0.5, tf.mul(inverse, tf.square(inverse)))),
            variance.shape,
          ),
        offset: () => unbroadcast(d, mean.shape),
        scale: () => unbroadcast(tf.mul(d, tf.mul(centred, inverse)), mean.shape),
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
