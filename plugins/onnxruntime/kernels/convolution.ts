/**
 * Convolutions and their gradients: in the blocked layout if the processor supports it, otherwise as transposed ONNX
 * graphs.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Graph } from '../proto.ts'
import type { Dims, Values } from '../storage.ts'
import {
  blockFilter,
  convolve,
  convolveBack,
  convolvePlanes,
  depthwiseFilter,
  type Floats,
  filterGradient,
  type Pads,
  transposedFilter,
  type Window,
} from './blocked.ts'
import { depthwiseFilterGradient } from './depthwise.ts'
import { type Call, floats, input, type KernelTable } from './kernel.ts'
import { prefersWinograd, winograd, winogradFilterGradient } from './winograd.ts'

type ConvInfo = tf.backend_util.Conv2DInfo
type Padding = Parameters<typeof tf.backend_util.computeConv2DInfo>[4]

interface ConvAttributes {
  readonly strides: [number, number] | number
  readonly pad: Padding
  readonly dataFormat?: 'NHWC' | 'NCHW'
  readonly dilations?: [number, number] | number
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

function infoOf(x: readonly number[], filter: readonly number[], attributes: ConvAttributes, depthwise: boolean) {
  const { strides, pad, dilations, dimRoundingMode } = attributes
  type Four = [number, number, number, number]
  return tf.backend_util.computeConv2DInfo(
    x as Four,
    filter as Four,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  )
}

/** The window, with padding below and to the right such that the output has exactly the declared size. */
function windowOf(info: ConvInfo): Window | undefined {
  const { filterHeight, filterWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = info
  const rest = (size: number, out: number, kernel: number, stride: number, dilation: number, before: number) =>
    (out - 1) * stride + (kernel - 1) * dilation + 1 - size - before
  const { top, left } = padInfo
  const bottom = rest(info.inHeight, info.outHeight, filterHeight, strideHeight, dilationHeight, top)
  const right = rest(info.inWidth, info.outWidth, filterWidth, strideWidth, dilationWidth, left)
  if (top < 0 || left < 0 || info.outHeight < 1 || info.outWidth < 1) return undefined
  return {
    kernel: [filterHeight, filterWidth],
    strides: [strideHeight, strideWidth],
    dilations: [dilationHeight, dilationWidth],
    pads: [top, left, Math.max(0, bottom), Math.max(0, right)],
  }
}

const dimsOf = (shape: readonly number[]): Dims => shape as unknown as Dims
const planOf = (shapes: [readonly number[], readonly number[]], attributes: ConvAttributes, depthwise = false) => {
  if (attributes.dataFormat === 'NCHW') return undefined
  const info = infoOf(shapes[0], shapes[1], attributes, depthwise)
  const window = windowOf(info)
  return window && info.batchSize * info.inChannels * info.outChannels > 0 ? { info, window } : undefined
}

const key = (name: string, ...shapes: unknown[]) => `${name} ${JSON.stringify(shapes)}`
const work = (info: ConvInfo) =>
  info.batchSize *
  info.outHeight *
  info.outWidth *
  info.outChannels *
  info.inChannels *
  info.filterHeight *
  info.filterWidth

/** y blocked, from x in either layout. */
export function forward(
  be: OnnxRuntimeBackend,
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  info: ConvInfo,
  window: Window,
) {
  const w = be.entry(filter).numbers as Floats
  if (be.convolvesBlocks && arePlanes(be, x)) {
    const { y, dims } = convolvePlanes(be, be.entry(x).numbers as Floats, dimsOf(x.shape), w, info.outChannels, window)
    return be.blockedOutput(y, dims)
  }
  const shapes = [dimsOf(x.shape), dimsOf(info.outShape)] as const
  if (prefersWinograd(be, window, ...shapes)) {
    const { outChannels, outHeight, outWidth } = info
    const { y, dims } = winograd(be, be.blocked(x), shapes[0], w, outChannels, [outHeight, outWidth], window.pads)
    return be.blockedOutput(y, dims)
  }
  if (be.convolvesBlocks) {
    const blocked = blockFilter(be, w, info.filterHeight * info.filterWidth, info.inChannels, info.outChannels)
    const { y, dims } = convolve(be, be.blocked(x), dimsOf(x.shape), blocked, info.outChannels, window)
    be.memoryPool.recycle(blocked)
    return be.blockedOutput(y, dims)
  }
  const y = be.output(info.outShape)
  be.sessions.run(
    key('Conv2D', x.shape, filter.shape, window),
    (g) => {
      const xt = toChannelsFirst(g, g.input('x', x.shape))
      const wt = g.op('Transpose', [g.input('w', filter.shape)], { perm: [3, 2, 0, 1] })
      const { kernel, strides, dilations, pads } = window
      const out = g.op('Conv', [xt, wt], { kernel_shape: kernel, strides, dilations, pads })
      g.output(toChannelsLast(g, out), info.outShape)
    },
    work(info),
    [be.entry(x).numbers, w],
    [y.values],
  )
  return y
}

/**
 * Whether images have few channels (as in the first layer) and are not in blocks: most lanes of a block would be
 * padding.
 */
const arePlanes = (be: OnnxRuntimeBackend, x: tf.TensorInfo) => {
  const { hasPlain, blockedDims } = be.entry(x)
  return x.shape[3]! * 2 <= be.layout.block && hasPlain && !blockedDims
}

const toChannelsFirst = (g: Graph, x: string) => g.op('Transpose', [x], { perm: [0, 3, 1, 2] })
const toChannelsLast = (g: Graph, x: string) => g.op('Transpose', [x], { perm: [0, 2, 3, 1] })

const conv2D = ({ inputs, attrs, backend }: Call<ConvAttributes>) => {
  const [x, filter] = [input(inputs, 'x'), input(inputs, 'filter')]
  const plan = floats(x, filter) && planOf([x.shape, filter.shape], attrs)
  return plan ? forward(backend, x, filter, plan.info, plan.window) : undefined
}

/** The gradient of a convolution that has no positions, no images or no channels. */
function nothingFlows(be: OnnxRuntimeBackend, shape: readonly number[], ...from: tf.TensorInfo[]) {
  if (!floats(...from) || from.every((tensor) => !tensor.shape.includes(0))) return undefined
  const { values, ...zeros } = be.output(shape)
  values.fill(0)
  return zeros
}

const conv2DBackpropInput = ({ inputs, attrs, backend: be }: Call<ConvAttributes & { inputShape: Dims }>) => {
  const [dy, filter] = [input(inputs, 'dy'), input(inputs, 'filter')]
  const nothing = nothingFlows(be, attrs.inputShape, dy, filter)
  if (nothing) return nothing
  const plan = floats(dy, filter) && planOf([attrs.inputShape, filter.shape], attrs)
  if (!plan || !fits(dy, plan.info)) return undefined
  const { info, window } = plan
  const w = be.entry(filter).numbers as Floats
  if (prefersWinograd(be, window, attrs.inputShape, dimsOf(dy.shape))) {
    const [, h, width, c] = attrs.inputShape
    // Position i receives from i + pad − k for the taps k: a correlation with the reversed taps and this padding.
    const pads = window.pads.map((pad) => 2 - pad)
    const dx = winograd(be, be.blocked(dy), dimsOf(dy.shape), w, c, [h, width], pads, true).y
    return be.blockedOutput(dx, attrs.inputShape)
  }
  if (be.convolvesBlocks) {
    const makeFilter = (taps: readonly number[]) => transposedFilter(be, w, taps, info.inChannels, info.outChannels)
    const dx = convolveBack(be, be.blocked(dy), dimsOf(dy.shape), attrs.inputShape, window, makeFilter, false)
    if (dx) return be.blockedOutput(dx, attrs.inputShape)
  }
  return transposedConvolution(be, dy, filter, info, window, 1)
}

/** dx as ConvTranspose; `group` 1, or the channels of a depthwise convolution. */
function transposedConvolution(
  be: OnnxRuntimeBackend,
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  info: ConvInfo,
  { kernel, strides, dilations, pads }: Window,
  group: number,
) {
  const dx = be.output(info.inShape)
  const reach = [0, 1].map((axis) => {
    const out = axis === 0 ? info.outHeight : info.outWidth
    return (out - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1
  }) as [number, number]
  be.sessions.run(
    key('Conv2DBackpropInput', info.inShape, filter.shape, strides, dilations, pads, group),
    (g) => {
      const dyt = toChannelsFirst(g, g.input('dy', dy.shape))
      const w = g.input('w', filter.shape)
      const wt =
        group === 1
          ? g.op('Transpose', [w], { perm: [3, 2, 0, 1] })
          : g.op('Reshape', [g.op('Transpose', [w], { perm: [2, 3, 0, 1] }), g.ints([-1, 1, ...kernel])])
      const whole = g.op('ConvTranspose', [dyt, wt], { kernel_shape: kernel, strides, dilations, group })
      // Positions that no window reached are zero; values beyond the input are cut off.
      const missing = [info.inHeight, info.inWidth].map((size, axis) => Math.max(0, size + pads[axis]! - reach[axis]!))
      const filled = g.op('Pad', [whole, g.ints([0, 0, 0, 0, 0, 0, ...missing])])
      const [top, left] = pads
      const ends = g.ints([top + info.inHeight, left + info.inWidth])
      const cut = g.op('Slice', [filled, g.ints([top, left]), ends, g.ints([2, 3])])
      g.output(toChannelsLast(g, cut), info.inShape)
    },
    work(info) / group,
    [be.entry(dy).numbers, be.entry(filter).numbers],
    [dx.values],
  )
  return dx
}

const conv2DBackpropFilter = ({ inputs, attrs, backend: be }: Call<ConvAttributes & { filterShape: Dims }>) => {
  const [x, dy] = [input(inputs, 'x'), input(inputs, 'dy')]
  const nothing = nothingFlows(be, attrs.filterShape, x, dy)
  if (nothing) return nothing
  const plan = floats(x, dy) && planOf([x.shape, attrs.filterShape], attrs)
  if (!plan || !fits(dy, plan.info)) return undefined
  const { info, window } = plan
  const dw = be.output(attrs.filterShape)
  if (prefersWinograd(be, window, dimsOf(x.shape), dimsOf(dy.shape))) {
    const [given, gradient] = [be.blocked(x), be.blocked(dy)]
    winogradFilterGradient(be, given, dimsOf(x.shape), gradient, dimsOf(dy.shape), window.pads, dw.values as Floats)
    return dw
  }
  // A block that the batch hardly fills would waste work.
  const batchFits = info.batchSize * 2 >= be.layout.padded(info.batchSize)
  if (be.convolvesBlocks && batchFits) {
    const xDims = dimsOf(x.shape)
    const source = arePlanes(be, x) ? { rows: be.entry(x).numbers as Floats } : { blocks: be.blocked(x) }
    filterGradient(be, source, xDims, be.blocked(dy), dimsOf(dy.shape), window, dw.values as Floats)
  } else filterGradientByTaps(be, x, dy, info, window, dw.values as Floats)
  return dw
}

/** dw[i, j] = (the part of x under tap i, j)ᵀ · dy: one matrix product per tap. */
function filterGradientByTaps(
  be: OnnxRuntimeBackend,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  info: ConvInfo,
  { kernel, strides, dilations, pads }: Window,
  dw: Floats,
) {
  const { inChannels, outChannels, outHeight, outWidth, filterShape } = info
  be.sessions.run(
    key('Conv2DBackpropFilter', x.shape, filterShape, strides, dilations, pads),
    (g) => {
      const [top, left, bottom, right] = pads as Pads
      const padded = g.op('Pad', [g.input('x', x.shape), g.ints([0, top, left, 0, 0, bottom, right, 0])])
      const dy2 = g.op('Reshape', [g.input('dy', dy.shape), g.ints([-1, outChannels])])
      const rows = g.ints([-1, inChannels])
      const products: string[] = []
      for (let i = 0; i < kernel[0]; i++)
        for (let j = 0; j < kernel[1]; j++) {
          const [y, xx] = [i * dilations[0], j * dilations[1]]
          const ends = g.ints([y + (outHeight - 1) * strides[0] + 1, xx + (outWidth - 1) * strides[1] + 1])
          const part = g.op('Slice', [padded, g.ints([y, xx]), ends, g.ints([1, 2]), g.ints(strides)])
          products.push(g.op('Gemm', [g.op('Reshape', [part, rows]), dy2], { transA: 1 }))
        }
      g.output(g.op('Reshape', [g.op('Concat', products, { axis: 0 }), g.ints(filterShape)]), filterShape)
    },
    work(info),
    [be.entry(x).numbers, be.entry(dy).numbers],
    [dw],
  )
}

/** tfjs lets a caller request a gradient whose shape does not fit the operation; the cpu kernel handles that case. */
const fits = (dy: tf.TensorInfo, { outShape }: ConvInfo) => outShape.every((size, axis) => dy.shape[axis] === size)

const allTaps = (info: ConvInfo) => Array.from({ length: info.filterHeight * info.filterWidth }, (_, tap) => tap)

const depthwiseConv2D = ({ inputs, attrs, backend: be }: Call<ConvAttributes>) => {
  const [x, filter] = [input(inputs, 'x'), input(inputs, 'filter')]
  const plan = floats(x, filter) && planOf([x.shape, filter.shape], attrs, true)
  if (!plan) return undefined
  const { info, window } = plan
  const multiplier = filter.shape[3] as number
  const w = be.entry(filter).numbers as Floats
  if (be.convolvesBlocks && multiplier === 1) {
    const blocked = depthwiseFilter(be, w, allTaps(info), info.inChannels)
    const { y, dims } = convolve(be, be.blocked(x), dimsOf(x.shape), blocked, info.outChannels, window, true)
    be.memoryPool.recycle(blocked)
    return be.blockedOutput(y, dims)
  }
  const y = be.output(info.outShape)
  be.sessions.run(
    key('DepthwiseConv2dNative', x.shape, filter.shape, window),
    (g) => {
      const { kernel, strides, dilations, pads } = window
      const xt = toChannelsFirst(g, g.input('x', x.shape))
      // Filters of one channel are adjacent: [kh, kw, C, M] → [C·M, 1, kh, kw].
      const turned = g.op('Transpose', [g.input('w', filter.shape)], { perm: [2, 3, 0, 1] })
      const wt = g.op('Reshape', [turned, g.ints([info.outChannels, 1, ...kernel])])
      const out = g.op('Conv', [xt, wt], { kernel_shape: kernel, strides, dilations, pads, group: info.inChannels })
      g.output(toChannelsLast(g, out), info.outShape)
    },
    work(info) / info.inChannels,
    [be.entry(x).numbers, w],
    [y.values],
  )
  return y
}

const depthwiseBackpropInput = ({ inputs, attrs, backend: be }: Call<ConvAttributes & { inputShape: Dims }>) => {
  const [dy, filter] = [input(inputs, 'dy'), input(inputs, 'filter')]
  const nothing = nothingFlows(be, attrs.inputShape, dy, filter)
  if (nothing) return nothing
  const plan = floats(dy, filter) && planOf([attrs.inputShape, filter.shape], attrs, true)
  if (!plan || !fits(dy, plan.info)) return undefined
  const { info, window } = plan
  const w = be.entry(filter).numbers as Floats
  if (be.convolvesBlocks && filter.shape[3] === 1) {
    const makeFilter = (taps: readonly number[]) => depthwiseFilter(be, w, taps, info.inChannels)
    const dx = convolveBack(be, be.blocked(dy), dimsOf(dy.shape), attrs.inputShape, window, makeFilter, true)
    if (dx) return be.blockedOutput(dx, attrs.inputShape)
  }
  return transposedConvolution(be, dy, filter, info, window, info.inChannels)
}

const depthwiseBackpropFilter = ({ inputs, attrs, backend: be }: Call<ConvAttributes & { filterShape: Dims }>) => {
  const [x, dy] = [input(inputs, 'x'), input(inputs, 'dy')]
  const nothing = nothingFlows(be, attrs.filterShape, x, dy)
  if (nothing) return nothing
  const plan = floats(x, dy) && planOf([x.shape, attrs.filterShape], attrs, true)
  if (!plan || !fits(dy, plan.info)) return undefined
  const dw = be.output(attrs.filterShape)
  if (be.convolvesBlocks && attrs.filterShape[3] === 1)
    depthwiseFilterGradient(
      be,
      be.blocked(x),
      dimsOf(x.shape),
      be.blocked(dy),
      dimsOf(dy.shape),
      plan.window,
      dw.values,
    )
  else depthwiseByTaps(be, x, dy, plan.info, plan.window, dw.values)
  return dw
}

/** dw[i, j, c, m] = Σ (the part of x under tap i, j) · dy: one product and sum per tap. */
function depthwiseByTaps(
  be: OnnxRuntimeBackend,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  info: ConvInfo,
  { kernel, strides, dilations, pads }: Window,
  dw: Values,
) {
  const { batchSize: n, inChannels, outChannels, outHeight, outWidth, filterShape } = info
  be.sessions.run(
    key('DepthwiseBackpropFilter', x.shape, filterShape, strides, dilations, pads),
    (g) => {
      const [top, left, bottom, right] = pads
      const padded = g.op('Pad', [g.input('x', x.shape), g.ints([0, top, left, 0, 0, bottom, right, 0])])
      const whole = g.ints([n, outHeight, outWidth, inChannels, outChannels / inChannels])
      const dy5 = g.op('Reshape', [g.input('dy', dy.shape), whole])
      const sums: string[] = []
      for (let i = 0; i < kernel[0]; i++)
        for (let j = 0; j < kernel[1]; j++) {
          const [y, xx] = [i * dilations[0], j * dilations[1]]
          const ends = g.ints([y + (outHeight - 1) * strides[0] + 1, xx + (outWidth - 1) * strides[1] + 1])
          const part = g.op('Slice', [padded, g.ints([y, xx]), ends, g.ints([1, 2]), g.ints(strides)])
          const product = g.op('Mul', [g.op('Unsqueeze', [part, g.ints([4])]), dy5])
          sums.push(g.op('ReduceSum', [product, g.ints([1, 2])], { keepdims: 0 }))
        }
      // The batch is summed last, so that the sum of each image has few terms.
      const each = sums.map((sum) => g.op('ReduceSum', [sum, g.ints([0])], { keepdims: 0 }))
      g.output(g.op('Reshape', [g.op('Concat', each, { axis: 0 }), g.ints(filterShape)]), filterShape)
    },
    work(info) / inChannels,
    [be.entry(x).numbers, be.entry(dy).numbers],
    [dw],
  )
}

export const convolutions: KernelTable = {
  Conv2D: conv2D,
  Conv2DBackpropInput: conv2DBackpropInput,
  Conv2DBackpropFilter: conv2DBackpropFilter,
  DepthwiseConv2dNative: depthwiseConv2D,
  DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
  // The same kernels support dilations; gradients of dilated convolutions look them up under these names.
  DilatedConv2DBackpropInput: conv2DBackpropInput,
  DilatedConv2DBackpropFilter: conv2DBackpropFilter,
  DilatedDepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  DilatedDepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
}
