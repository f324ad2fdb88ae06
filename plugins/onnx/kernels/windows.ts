/** Convolutions, pooling and resizing: everything that looks at neighbouring positions. */
import * as tf from '@tensorflow/tfjs-core'
import { error, SizeFixed } from '../errors.ts'
import type { Attribute } from '../graph.ts'
import { type KernelRun, numbers, permuted, type Translation } from '../translation.ts'
import { activation } from './elementwise.ts'
import { type KernelTable, nameOf, pairOf } from './kernel.ts'

type Pad = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding
type Shape4 = [number, number, number, number]

interface ConvolutionAttributes {
  readonly strides: number | [number, number]
  readonly dilations?: number | [number, number]
  readonly pad: Pad
  readonly dataFormat?: string
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

function checkFormat({ name, attributes }: KernelRun): void {
  const { dataFormat } = attributes as { dataFormat?: string }
  if (dataFormat === 'NCHW')
    throw error('ARCHLOOM_ONNX_KERNEL_FORM', { kernel: name, received: 'data format NCHW', expected: 'NHWC' })
}

/** Where a window goes, the same for inputs of every size that was tried. */
function windowOf(infos: readonly tf.backend_util.Conv2DInfo[], pad: Pad): Record<string, Attribute> {
  const [first] = infos as [tf.backend_util.Conv2DInfo]
  const strides = [first.strideHeight, first.strideWidth]
  const common = {
    kernel_shape: [first.filterHeight, first.filterWidth],
    strides,
    dilations: [first.dilationHeight, first.dilationWidth],
  }
  const sizes = new Set(infos.map(({ inHeight, inWidth }) => `${inHeight} ${inWidth}`))
  // With strides, TensorFlow's 'same' depends on the size.
  if (pad === 'same' && sizes.size > 1 && strides.some((stride) => stride > 1))
    return { ...common, auto_pad: 'SAME_UPPER' }
  const { top, left, bottom, right } = first.padInfo
  return { ...common, pads: [top, left, bottom, right].map((size) => Math.max(0, size)) }
}

/** A filter as a constant in ONNX's order, or turned at run time. */
function filterOf(t: Translation, reference: number, order: readonly number[], dims?: readonly number[]): string {
  const constant = t.constant(reference)
  if (!constant) {
    const turned = t.builder.op('Transpose', [t.plain(reference)], { perm: [...order] })
    return dims ? t.builder.op('Reshape', [turned, t.builder.ints(dims)]) : turned
  }
  const shape = dims ?? order.map((axis) => constant.shape[axis] as number)
  return t.builder.constant(numbers(permuted(constant.values, constant.shape, order)), shape, constant.name ?? 'kernel')
}

function convolution(call: KernelRun, t: Translation, depthwise: boolean): void {
  checkFormat(call)
  const { x, filter, bias } = call.inputs as { x: number; filter: number; bias?: number }
  const { strides, dilations = 1, pad, dimRoundingMode } = call.attributes as unknown as ConvolutionAttributes
  const filterShape = t.tensor(filter).shape as Shape4
  const infos = t
    .shapes(x)
    .map((shape) =>
      tf.backend_util.computeConv2DInfo(
        shape as Shape4,
        filterShape,
        strides,
        dilations,
        pad,
        dimRoundingMode,
        depthwise,
      ),
    )
  const [height, width, channels, multiplier] = filterShape
  const weights = depthwise
    ? filterOf(t, filter, [2, 3, 0, 1], [channels * multiplier, 1, height, width])
    : filterOf(t, filter, [3, 2, 0, 1])
  const attributes = { ...windowOf(infos, pad), group: depthwise ? channels : 1 }
  let y = t.builder.op('Conv', [t.channelsFirst(x), weights], attributes, nameOf(t, filter, 'convolution'))
  if (bias !== undefined) y = t.builder.op('Add', [y, t.operand(bias, 'channels-first', [call.outputs[0] as number])])
  t.set(call.outputs[0] as number, 'channels-first', activation(call, t, y, 'channels-first'))
}

/** The adjoint of a convolution: tfjs's transposed convolution. */
function transposedConvolution(call: KernelRun, t: Translation): void {
  checkFormat(call)
  const { dy, filter } = call.inputs as { dy: number; filter: number }
  const { strides, pad, dimRoundingMode } = call.attributes as unknown as ConvolutionAttributes
  const [output] = call.outputs as [number]
  const missing = t.shapes(output).map((shape, probe) => {
    const info = tf.backend_util.computeConv2DInfo(
      shape as Shape4,
      t.tensor(filter).shape as Shape4,
      strides,
      1,
      pad,
      dimRoundingMode,
    )
    const small = t.shapes(dy)[probe] as Shape4
    // What lies below and right of the last window that counts: cut off where positive, added where negative.
    const end = (axis: 1 | 2, stride: number, kernel: number, before: number) =>
      ((small[axis] as number) - 1) * stride + kernel - before - (shape[axis] as number)
    const { top, left } = info.padInfo
    return {
      info,
      begin: [top, left],
      end: [end(1, info.strideHeight, info.filterHeight, top), end(2, info.strideWidth, info.filterWidth, left)],
    }
  })
  const [{ info, begin, end }] = missing as [(typeof missing)[0]]
  if (missing.some((other) => `${other.begin} ${other.end}` !== `${begin} ${end}`))
    throw new SizeFixed('a transposed convolution pads differently for each size')
  const attributes = {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [...begin, ...end.map((size) => Math.max(0, size))],
    output_padding: end.map((size) => Math.max(0, -size)),
  }
  const weights = filterOf(t, filter, [3, 2, 0, 1])
  const name = nameOf(t, filter, 'transposed_convolution')
  t.set(output, 'channels-first', t.builder.op('ConvTranspose', [t.channelsFirst(dy), weights], attributes, name))
}

function pooling(op: 'MaxPool' | 'AveragePool', call: KernelRun, t: Translation): void {
  const { x } = call.inputs as { x: number }
  const { filterSize, strides, pad, dimRoundingMode } = call.attributes as unknown as ConvolutionAttributes & {
    filterSize: number | [number, number]
  }
  const infos = t
    .shapes(x)
    .map((shape) =>
      tf.backend_util.computePool2DInfo(
        shape as Shape4,
        pairOf(filterSize) as [number, number],
        strides,
        1,
        pad,
        dimRoundingMode,
      ),
    )
  const { dilations: _, ...attributes } = windowOf(infos, pad)
  const counted = op === 'AveragePool' ? { ...attributes, count_include_pad: 0 } : attributes
  t.set(call.outputs[0] as number, 'channels-first', t.builder.op(op, [t.channelsFirst(x)], counted))
}

/** Mean over all positions, [b, h, w, c] → [b, c]. */
export function spatialMean(call: KernelRun, t: Translation): void {
  const { x } = call.inputs as { x: number }
  const pooled = t.builder.op('GlobalAveragePool', [t.channelsFirst(x)])
  t.set(call.outputs[0] as number, 'plain', t.builder.op('Flatten', [pooled], { axis: 1 }))
}

function depthToSpace(call: KernelRun, t: Translation): void {
  checkFormat(call)
  const { x } = call.inputs as { x: number }
  const { blockSize } = call.attributes as { blockSize: number }
  const attributes = { blocksize: blockSize, mode: 'DCR' }
  t.set(
    call.outputs[0] as number,
    'channels-first',
    t.builder.op('DepthToSpace', [t.channelsFirst(x)], attributes, 'depth_to_space'),
  )
}

function resize(mode: 'linear' | 'nearest', call: KernelRun, t: Translation): void {
  const { images } = call.inputs as { images: number }
  const [output] = call.outputs as [number]
  const { alignCorners, halfPixelCenters } = call.attributes as { alignCorners: boolean; halfPixelCenters: boolean }
  const place = alignCorners ? 'align_corners' : halfPixelCenters ? 'half_pixel' : 'asymmetric'
  if (mode === 'nearest' && alignCorners)
    throw error('ARCHLOOM_ONNX_KERNEL_FORM', {
      kernel: call.name,
      received: 'aligned corners',
      expected: 'half-pixel centres, or none of both',
    })
  const nearest = halfPixelCenters ? 'round_prefer_ceil' : 'floor'
  const factors = t.shapes(output).map((large, probe) => {
    const small = t.shapes(images)[probe] as Shape4
    return [1, 2].map((axis) => (large[axis] as number) / (small[axis] as number))
  })
  const [[down, across]] = factors as [[number, number]]
  if (factors.some((each) => `${each}` !== `${down},${across}`))
    throw new SizeFixed('an image is resized to a fixed size')
  const scales = t.builder.constant(Float32Array.of(1, 1, down, across), [4], 'scales')
  const attributes = {
    mode,
    coordinate_transformation_mode: place,
    ...(mode === 'nearest' && { nearest_mode: nearest }),
  }
  t.set(output, 'channels-first', t.builder.op('Resize', [t.channelsFirst(images), '', scales], attributes))
}

export const windows: KernelTable = {
  Conv2D: (call, t) => convolution(call, t, false),
  FusedConv2D: (call, t) => convolution(call, t, false),
  DepthwiseConv2dNative: (call, t) => convolution(call, t, true),
  FusedDepthwiseConv2D: (call, t) => convolution(call, t, true),
  Conv2DBackpropInput: transposedConvolution,
  MaxPool: (call, t) => pooling('MaxPool', call, t),
  AvgPool: (call, t) => pooling('AveragePool', call, t),
  SpatialMean: spatialMean,
  DepthToSpace: depthToSpace,
  ResizeBilinear: (call, t) => resize('linear', call, t),
  ResizeNearestNeighbor: (call, t) => resize('nearest', call, t),
}

/** Whether these axes are height and width. */
export const isWhole = (axes: readonly number[], rank: number): boolean => rank === 4 && `${[...axes].sort()}` === '1,2'
