import {
  avgPool,
  conv2d,
  depthwiseConv2d,
  factorisedReduction,
  identity,
  type Layer,
  maxPool,
  relu,
  type VariableScope,
  zero,
} from '../../core/tensor/index.ts'
import { error } from '../errors.ts'
import {
  countConvolution,
  countDepthwise,
  countFactorisedReduction,
  countFree,
  countInSequence,
  countNorm,
} from './cost.ts'
import { type Operation, type OperationOptions, paddingOf, stack } from './operation.ts'

const keepsChannels = (operation: string, { channelsIn, channelsOut }: OperationOptions) => {
  if (channelsIn !== channelsOut) throw error('ARCHLOOM_OPERATION_CHANNELS', { operation, channelsIn, channelsOut })
}

/** ReLU, convolution, normalisation: the preprocessing of the DARTS family and the convolutions of NAS-Bench-201. */
export function reluConvNorm(name: string, kernel: number): Operation {
  return {
    name,
    isIdentity: () => false,
    build: (scope, { channelsIn, channelsOut, stride = 1, affine = true }) =>
      stack(
        scope,
        relu,
        (s) =>
          conv2d(s, {
            inputChannels: channelsIn,
            filters: channelsOut,
            kernel,
            stride,
            padding: paddingOf(kernel, stride),
          }),
        (s) => s.normalise(channelsOut, { affine }),
      ),
    cost: ({ channelsOut, stride = 1, affine = true }) =>
      countInSequence(countConvolution({ filters: channelsOut, kernel, stride }), countNorm(affine)),
  }
}

interface SeparableOptions {
  readonly channelsIn: number
  readonly channelsOut: number
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  readonly affine: boolean
}

/** ReLU, depthwise convolution, pointwise convolution, normalisation. */
const separable = (scope: VariableScope, o: SeparableOptions): Layer =>
  stack(
    scope,
    relu,
    (s) =>
      depthwiseConv2d(s, {
        channels: o.channelsIn,
        kernel: o.kernel,
        stride: o.stride,
        dilation: o.dilation,
        padding: paddingOf(o.kernel, o.stride, o.dilation),
      }),
    (s) => conv2d(s, { inputChannels: o.channelsIn, filters: o.channelsOut, kernel: 1 }),
    (s) => s.normalise(o.channelsOut, { affine: o.affine }),
  )

const countSeparable = (kernel: number, stride: number, filters: number, affine: boolean) =>
  countInSequence(countDepthwise({ kernel, stride }), countConvolution({ filters, kernel: 1 }), countNorm(affine))

/**
 * The separable block twice; the first carries the stride. It has 2(Ck² + C² + 2C) parameters if the number of
 * channels C is kept.
 */
const sepConv = (kernel: number): Operation => ({
  name: `sep_conv_${kernel}x${kernel}`,
  isIdentity: () => false,
  build: (scope, { channelsIn, channelsOut, stride = 1, affine = true }) =>
    stack(
      scope,
      (s) => separable(s, { channelsIn, channelsOut: channelsIn, kernel, stride, dilation: 1, affine }),
      (s) => separable(s, { channelsIn, channelsOut, kernel, stride: 1, dilation: 1, affine }),
    ),
  cost: ({ channelsIn, channelsOut, stride = 1, affine = true }) =>
    countInSequence(countSeparable(kernel, stride, channelsIn, affine), countSeparable(kernel, 1, channelsOut, affine)),
})

/** The separable block once, with dilation 2. */
const dilConv = (kernel: number): Operation => ({
  name: `dil_conv_${kernel}x${kernel}`,
  isIdentity: () => false,
  build: (scope, { channelsIn, channelsOut, stride = 1, affine = true }) =>
    separable(scope, { channelsIn, channelsOut, kernel, stride, dilation: 2, affine }),
  cost: ({ channelsOut, stride = 1, affine = true }) => countSeparable(kernel, stride, channelsOut, affine),
})

const pool = (name: string, layer: typeof maxPool): Operation => ({
  name,
  isIdentity: () => false,
  build(scope, options) {
    keepsChannels(name, options)
    const { stride = 1, channelsOut, normalisePooling = false } = options
    const pooling = () => layer({ kernel: 3, stride, padding: paddingOf(3, stride) })
    return normalisePooling ? stack(scope, pooling, (s) => s.normalise(channelsOut, { affine: false })) : pooling()
  },
  cost: ({ stride = 1 }) => countFree({ stride }),
})

/** Identity, or a factorised reduction if the shape changes. */
const skipConnect: Operation = {
  name: 'skip_connect',
  isIdentity: ({ stride = 1, channelsIn, channelsOut }) => stride === 1 && channelsIn === channelsOut,
  build(scope, options) {
    const { stride = 1, channelsIn, channelsOut, affine = true } = options
    if (stride > 1) return factorisedReduction(scope, { inputChannels: channelsIn, filters: channelsOut, affine })
    keepsChannels('skip_connect', options)
    return identity()
  },
  cost: ({ stride = 1, channelsOut, affine = true }) =>
    stride > 1 ? countFactorisedReduction({ filters: channelsOut, affine }) : countFree(),
}

/** Zeros: no connection. */
const none: Operation = {
  name: 'none',
  isIdentity: () => false,
  build(_scope, options) {
    keepsChannels('none', options)
    return zero({ stride: options.stride ?? 1 })
  },
  cost: ({ stride = 1 }) => countFree({ stride }),
}

/** Liu et al., DARTS (arXiv:1806.09055), with the wider separable convolution of NASNet and the pair of NAS-Bench-201. */
export const edgeOperations = {
  none,
  max_pool_3x3: pool('max_pool_3x3', maxPool),
  avg_pool_3x3: pool('avg_pool_3x3', avgPool),
  skip_connect: skipConnect,
  sep_conv_3x3: sepConv(3),
  sep_conv_5x5: sepConv(5),
  sep_conv_7x7: sepConv(7),
  dil_conv_3x3: dilConv(3),
  dil_conv_5x5: dilConv(5),
  nor_conv_1x1: reluConvNorm('nor_conv_1x1', 1),
  nor_conv_3x3: reluConvNorm('nor_conv_3x3', 3),
} as const satisfies Readonly<Record<string, Operation>>

export type OperationName = keyof typeof edgeOperations

export const operationNames = Object.keys(edgeOperations) as readonly OperationName[]

/** The operation of that name, or ARCHLOOM_OPERATION_UNKNOWN with the known names. */
export function operation(name: OperationName): Operation {
  if (!Object.hasOwn(edgeOperations, name))
    throw error('ARCHLOOM_OPERATION_UNKNOWN', { operation: name, known: operationNames })
  return edgeOperations[name]
}
