import * as tf from '@tensorflow/tfjs-core'
import { hasGradient } from './gradients/index.ts'

/** Kernels that layers, losses, optimizers and their gradients run on: an engine that has them all can train. */
export const trainingKernels: readonly string[] = [
  'Add',
  'AddN',
  'ArgMax',
  'AvgPool',
  'AvgPoolGrad',
  'BatchMatMul',
  'Cast',
  'Concat',
  'Conv2D',
  'Conv2DBackpropFilter',
  'Conv2DBackpropInput',
  'DepthToSpace',
  'DepthwiseConv2dNative',
  'DepthwiseConv2dNativeBackpropFilter',
  'DepthwiseConv2dNativeBackpropInput',
  'Equal',
  'Exp',
  'Fill',
  'GatherV2',
  'Greater',
  'GreaterEqual',
  'Identity',
  'Less',
  'Log',
  'LogicalAnd',
  'Max',
  'MaxPool',
  'MaxPoolGrad',
  'Maximum',
  'Mean',
  'Minimum',
  'Multiply',
  'Neg',
  'OneHot',
  'Pack',
  'PadV2',
  'Prelu',
  'RealDiv',
  'Relu',
  'Reshape',
  'Reverse',
  'Rsqrt',
  'Select',
  'Sigmoid',
  'Sign',
  'Slice',
  'Softmax',
  'SplitV',
  'Sqrt',
  'Square',
  'Step',
  'Sub',
  'Sum',
  'Tanh',
  'Transpose',
  'UnsortedSegmentSum',
  'Unpack',
  'ZerosLike',
]

// Only other gradients call gradient kernels, and comparisons have no gradient.
const withoutGradient = /Grad$|BackpropFilter$|NativeBackpropInput$|^(Equal|Greater|Less|LogicalAnd|Fill)$/

export const missingKernels = (backendName: string): readonly string[] =>
  trainingKernels.filter((kernel) => tf.getKernel(kernel, backendName) === undefined)

export const missingGradients = (): readonly string[] =>
  trainingKernels.filter((kernel) => !withoutGradient.test(kernel) && !hasGradient(kernel))
