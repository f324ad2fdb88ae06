/** Convolutions, pooling and resizing: all kernels that read neighbouring positions. */
import * as tf from '@tensorflow/tfjs-core'
import { SizeFixed } from '../errors.ts'
import type { Attribute } from '../graph.ts'
import { type KernelRun, numbers, permuted, type Translation } from '../translation.ts'
import {
  convolutionWindows,
  poolingWindows,
  type Shape4,
  transposedWindows,
  type WindowAttributes,
  type Windows,
} from '../windows.ts'
import { activation } from './elementwise.ts'
import { type KernelTable, nameOf, pairOf } from './kernel.ts'

/** The attributes of windows, the same for all traced input sizes. */
function attributesOf(windows: Windows | undefined, call: KernelRun): Record<string, Attribute> {
  const { strides, pad } = call.attributes as unknown as WindowAttributes
  // With strides, TensorFlow's 'same' depends on the size.
  if (windows) {
    const { kernel, pads, dilations } = windows
    return { kernel_shape: kernel, strides: windows.strides, dilations, pads }
  }
  if (pad === 'same') return { strides: pairOf(strides), auto_pad: 'SAME_UPPER' }
  throw new SizeFixed('the padding at the end of a layer depends on the size')
}

/** A filter as a constant in ONNX's order, or transposed at run time. */
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
  const { x, filter, bias } = call.inputs as { x: number; filter: number; bias?: number }
  const given = call.attributes as unknown as WindowAttributes
  const filterShape = t.tensor(filter).shape as Shape4
  const windows = convolutionWindows(t.shapes(x), filterShape, given, depthwise)
  const [height, width, channels, multiplier] = filterShape
  const weights = depthwise
    ? filterOf(t, filter, [2, 3, 0, 1], [channels * multiplier, 1, height, width])
    : filterOf(t, filter, [3, 2, 0, 1])
  const attributes = {
    kernel_shape: [height, width],
    dilations: pairOf(given.dilations ?? 1),
    ...attributesOf(windows, call),
    group: depthwise ? channels : 1,
  }
  let y = t.builder.op('Conv', [t.channelsFirst(x), weights], attributes, nameOf(t, filter, 'convolution'))
  if (bias !== undefined) y = t.builder.op('Add', [y, t.operand(bias, 'channels-first', [call.outputs[0] as number])])
  t.set(call.outputs[0] as number, 'channels-first', activation(call, t, y, 'channels-first'))
}

/** The adjoint of a convolution: tfjs's transposed convolution. */
function transposedConvolution(call: KernelRun, t: Translation): void {
  const { dy, filter } = call.inputs as { dy: number; filter: number }
  const [output] = call.outputs as [number]
  const { kernel, strides, pads } = transposedWindows(
    t.shapes(dy),
    t.shapes(output),
    t.tensor(filter).shape,
    call.attributes as unknown as WindowAttributes,
  )
  const [top, left, bottom, right] = pads
  const attributes = {
    kernel_shape: kernel,
    strides,
    pads: [top, left, Math.max(0, bottom), Math.max(0, right)],
    output_padding: [Math.max(0, -bottom), Math.max(0, -right)],
  }
  const weights = filterOf(t, filter, [3, 2, 0, 1])
  const name = nameOf(t, filter, 'transposed_convolution')
  t.set(output, 'channels-first', t.builder.op('ConvTranspose', [t.channelsFirst(dy), weights], attributes, name))
}

function pooling(op: 'MaxPool' | 'AveragePool', call: KernelRun, t: Translation): void {
  const { x } = call.inputs as { x: number }
  const given = call.attributes as unknown as WindowAttributes
  const { dilations: _, ...attributes } = attributesOf(poolingWindows(call.name, t.shapes(x), given), call)
  const all = { kernel_shape: pairOf(given.filterSize ?? 1), ...attributes }
  const counted = op === 'AveragePool' ? { ...all, count_include_pad: 0 } : all
  t.set(call.outputs[0] as number, 'channels-first', t.builder.op(op, [t.channelsFirst(x)], counted))
}

/** Mean over all positions, [b, h, w, c] → [b, c]. */
export function spatialMean(call: KernelRun, t: Translation): void {
  const { x } = call.inputs as { x: number }
  const pooled = t.builder.op('GlobalAveragePool', [t.channelsFirst(x)])
  t.set(call.outputs[0] as number, 'plain', t.builder.op('Flatten', [pooled], { axis: 1 }))
}

function depthToSpace(call: KernelRun, t: Translation): void {
  const { x } = call.inputs as { x: number }
  const { blockSize } = call.attributes as { blockSize: number }
  const attributes = { blocksize: blockSize, mode: 'DCR' }
  t.set(
    call.outputs[0] as number,
    'channels-first',
    t.builder.op('DepthToSpace', [t.channelsFirst(x)], attributes, 'depth_to_space'),
  )
}

/** The place in the input of every output position, as the engine itself finds it for the nearest neighbour. */
function nearestPlaces(call: KernelRun, from: number, to: number): Int32Array {
  const { alignCorners, halfPixelCenters } = call.attributes as { alignCorners: boolean; halfPixelCenters: boolean }
  const places = tf.tidy(() => {
    const ramp = tf.reshape(tf.range(0, from), [1, from, 1, 1]) as tf.Tensor4D
    return tf.image.resizeNearestNeighbor(ramp, [to, 1], alignCorners, halfPixelCenters).dataSync()
  })
  return Int32Array.from(places)
}

/**
 * Bilinear resizing by sizes. Nearest by the network's positions, because runtimes compute them in 32-bit floats and
 * take another position if the exact one is a whole number. If the size is open, by whole factors, which are exact.
 */
function resize(mode: 'linear' | 'nearest', call: KernelRun, t: Translation): void {
  const { images } = call.inputs as { images: number }
  const [output] = call.outputs as [number]
  const { alignCorners, halfPixelCenters } = call.attributes as { alignCorners: boolean; halfPixelCenters: boolean }
  const place = alignCorners ? 'align_corners' : halfPixelCenters ? 'half_pixel' : 'asymmetric'
  const x = t.channelsFirst(images)
  const small = [1, 2].map((axis) => t.dims(images)[axis])
  const large = [1, 2].map((axis) => t.dims(output)[axis])
  if (![...small, ...large].includes(undefined)) {
    const [height, width] = large as [number, number]
    if (mode === 'linear') {
      // Not by the attribute `axes`: ONNX Runtime cannot open a file with transpositions around such a node.
      const kept = t.builder.op('Shape', [x], { start: 0, end: 2 })
      const sizes = t.builder.op('Concat', [kept, t.builder.ints([height, width])], { axis: 0 })
      const attributes = { mode, coordinate_transformation_mode: place }
      t.set(output, 'channels-first', t.builder.op('Resize', [x, '', '', sizes], attributes))
      return
    }
    const rows = t.builder.ints([...nearestPlaces(call, small[0]!, height)])
    const columns = t.builder.ints([...nearestPlaces(call, small[1]!, width)])
    const moved = t.builder.op('Gather', [x, rows], { axis: 2 })
    t.set(output, 'channels-first', t.builder.op('Gather', [moved, columns], { axis: 3 }))
    return
  }
  const factors = t.shapes(output).map((shape, probe) => [1, 2].map((axis) => shape[axis]! / t.shapes(images)[probe]![axis]!)) // biome-ignore format: one line
  const [[down, across]] = factors as [[number, number]]
  if (factors.some((each) => `${each}` !== `${down},${across}`))
    throw new SizeFixed('an image is resized to a fixed size')
  if (!Number.isInteger(down) || !Number.isInteger(across))
    throw new SizeFixed(`an image is resized by ${down} and ${across}, which are not whole`)
  if (mode === 'nearest' && alignCorners)
    throw new SizeFixed('the nearest neighbour between aligned corners depends on the size')
  const attributes = {
    mode,
    coordinate_transformation_mode: place,
    ...(mode === 'nearest' && { nearest_mode: halfPixelCenters ? 'round_prefer_ceil' : 'floor' }),
  }
  const scales = t.builder.constant(Float32Array.of(1, 1, down, across), [4], 'scales')
  t.set(output, 'channels-first', t.builder.op('Resize', [x, '', scales], attributes))
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
