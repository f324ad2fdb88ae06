/** What exporters know of kernels: attributes by name, with the values that are handled. */
import type { TracedKernel } from '../../evaluators/profile/index.ts'
import { error } from './errors.ts'

/** Any value, which the translation carries over; or one of these. */
type Handled = 'any' | readonly (string | number | boolean)[]

const rounding = { dimRoundingMode: ['floor', 'round', 'ceil'] } as const
const windows = { strides: 'any', pad: 'any', ...rounding } as const
const convolution = { ...windows, dataFormat: ['NHWC'], dilations: 'any' } as const
const fused = {
  activation: ['linear', 'relu', 'relu6', 'leakyrelu', 'prelu', 'elu', 'sigmoid'],
  leakyreluAlpha: 'any',
} as const
const reduction = { axis: 'any', reductionIndices: 'any', keepDims: 'any' } as const
const product = { transposeA: 'any', transposeB: 'any' } as const
const resize = { alignCorners: 'any', halfPixelCenters: 'any', size: 'any' } as const

/** Kernels that are not named here have no attributes. */
const handled: Readonly<Record<string, Readonly<Record<string, Handled>>>> = {
  AvgPool: { ...windows, filterSize: 'any' },
  BatchMatMul: product,
  Cast: { dtype: ['float32', 'int32', 'bool'] },
  ClipByValue: { clipValueMin: 'any', clipValueMax: 'any' },
  Concat: { axis: 'any' },
  Conv2D: convolution,
  Conv2DBackpropInput: { ...windows, dataFormat: ['NHWC'], inputShape: 'any' },
  DepthToSpace: { blockSize: 'any', dataFormat: ['NHWC'] },
  DepthwiseConv2dNative: convolution,
  ExpandDims: { dim: 'any' },
  FusedBatchNorm: { varianceEpsilon: 'any' },
  FusedConv2D: { ...convolution, ...fused },
  FusedDepthwiseConv2D: { ...convolution, ...fused },
  GatherV2: { axis: 'any', batchDims: [0] },
  LeakyRelu: { alpha: 'any' },
  LogSoftmax: { axis: 'any' },
  Max: reduction,
  MaxPool: { ...windows, filterSize: 'any' },
  Mean: reduction,
  Min: reduction,
  MirrorPad: { paddings: 'any', mode: ['reflect'] },
  Pack: { axis: 'any' },
  PadV2: { paddings: 'any', constantValue: 'any' },
  Prod: reduction,
  Reshape: { shape: 'any' },
  ResizeBilinear: resize,
  ResizeNearestNeighbor: resize,
  Reverse: { dims: 'any' },
  ScaleShift: { relu: 'any' },
  Slice: { begin: 'any', size: 'any' },
  Softmax: { dim: 'any' },
  // What its gradient needs.
  SpatialMean: { height: 'any', width: 'any' },
  SplitV: { numOrSizeSplits: 'any', axis: 'any' },
  Step: { alpha: [0] },
  Sum: reduction,
  Tile: { reps: 'any' },
  Transpose: { perm: 'any' },
  Unpack: { axis: 'any' },
  _FusedMatMul: { ...product, ...fused },
}

/**
 * Refuses what a translation would leave out. Error: ARCHLOOM_ONNX_KERNEL_FORM, which names the kernel and the
 * attribute.
 */
export function checkAttributes({ name, attributes }: TracedKernel): void {
  const own = Object.hasOwn(handled, name) ? (handled[name] ?? {}) : {}
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue
    const values = Object.hasOwn(own, attribute) ? own[attribute] : undefined
    if (values === 'any' || values?.includes(value as string)) continue
    throw error('ARCHLOOM_ONNX_KERNEL_FORM', {
      kernel: name,
      received: `${attribute} ${JSON.stringify(value)}`,
      expected: values ? `one of ${values.join(', ')}` : `no attributes but ${Object.keys(own).join(', ') || 'none'}`,
    })
  }
}

/**
 * Refuses kernels on whole numbers and flags for which runtimes compute something else than tfjs does.
 * Error: ARCHLOOM_ONNX_KERNEL_FORM.
 */
export function checkTypes({ name, inputs }: TracedKernel, dtypeOf: (reference: number) => string): void {
  if (!floatsOnly.has(name)) return
  for (const [input, reference] of Object.entries(inputs)) {
    const dtype = dtypeOf(reference)
    if (dtype !== 'float32')
      throw error('ARCHLOOM_ONNX_KERNEL_FORM', {
        kernel: name,
        received: `${input} of type ${dtype}`,
        expected: 'float32, as from tf.cast',
      })
  }
}

/** Their results are floats in tfjs, or defined for floats alone in ONNX. */
const floatsOnly = new Set([
  'RealDiv',
  'Reciprocal',
  'Exp',
  'Log',
  'Sqrt',
  'Rsqrt',
  'Tanh',
  'Sigmoid',
  'Softplus',
  'Erf',
  'Elu',
  'Selu',
  'LeakyRelu',
  'Prelu',
  'Relu',
  'Relu6',
  'Softmax',
  'LogSoftmax',
  'Mean',
  'ScaleShift',
  'FusedBatchNorm',
  'SpatialMean',
  'Conv2D',
  'FusedConv2D',
  'DepthwiseConv2dNative',
  'FusedDepthwiseConv2D',
  'Conv2DBackpropInput',
  'MaxPool',
  'AvgPool',
  'ResizeBilinear',
  'ClipByValue',
  'Step',
  'Round',
  'Floor',
  'Ceil',
])
