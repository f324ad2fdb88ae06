/** Where windows go, by the rule of the network: exactly, whatever a runtime's own rounding would be. */
import * as tf from '@tensorflow/tfjs-core'
import { error, SizeFixed } from './errors.ts'

export type Pad = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding
export type Shape4 = [number, number, number, number]
type Size = number | [number, number]

/** Attributes of convolutions and pooling, as tfjs's kernels have them. */
export interface WindowAttributes {
  readonly strides: Size
  readonly dilations?: Size
  readonly filterSize?: Size
  readonly pad: Pad
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

export interface Windows {
  readonly kernel: readonly [rows: number, columns: number]
  readonly strides: readonly [rows: number, columns: number]
  readonly dilations: readonly [rows: number, columns: number]
  /** Added around the input, so that as many windows as the network has fit, rounded down. */
  readonly pads: readonly [top: number, left: number, bottom: number, right: number]
}

/** One axis: what it has, and what windows need at its end. */
interface Axis {
  readonly size: number
  readonly before: number
  readonly after: number
  readonly needed: number
  readonly kernel: number
  readonly stride: number
  readonly outputs: number
}

/** Of one input: two axes, beside what does not depend on its size. */
function axesOf(info: tf.backend_util.Conv2DInfo): [rows: Axis, columns: Axis] {
  const axis = (
    size: number,
    before: number,
    after: number,
    kernel: number,
    stride: number,
    outputs: number,
  ): Axis => ({
    size,
    before,
    after,
    kernel,
    stride,
    outputs,
    needed: Math.max(0, (outputs - 1) * stride + kernel - before - size),
  })
  const { top, bottom, left, right } = info.padInfo
  return [
    axis(info.inHeight, top, bottom, info.effectiveFilterHeight, info.strideHeight, info.outHeight),
    axis(info.inWidth, left, right, info.effectiveFilterWidth, info.strideWidth, info.outWidth),
  ]
}

/**
 * The end of an axis, the same for inputs of every size that was tried. `after` serves where all windows fit into what
 * the network adds itself; elsewhere exactly what they need. Undefined: it depends on the size.
 */
function endOf(axes: readonly Axis[]): number | undefined {
  const [{ after, needed }] = axes as [Axis]
  if (axes.every((axis) => axis.needed === needed)) return needed
  return axes.every((axis) => axis.after === after && axis.needed <= after) ? after : undefined
}

/** `undefined` where the padding depends on the size of the input. */
function windowsOf(infos: readonly tf.backend_util.Conv2DInfo[]): Windows | undefined {
  const [first] = infos as [tf.backend_util.Conv2DInfo]
  const [top, left] = [first.padInfo.top, first.padInfo.left]
  const [bottom, right] = [0, 1].map((which) => endOf(infos.map((info) => axesOf(info)[which as 0 | 1])))
  if (infos.some(({ padInfo }) => padInfo.top !== top || padInfo.left !== left)) return undefined
  if (bottom === undefined || right === undefined) return undefined
  return {
    kernel: [first.filterHeight, first.filterWidth],
    strides: [first.strideHeight, first.strideWidth],
    dilations: [first.dilationHeight, first.dilationWidth],
    pads: [top, left, bottom, right],
  }
}

/** Of a convolution of inputs of these shapes. `undefined` where the padding depends on the size of the input. */
export function convolutionWindows(
  shapes: readonly (readonly number[])[],
  filter: readonly number[],
  { strides, dilations = 1, pad, dimRoundingMode }: WindowAttributes,
  depthwise = false,
): Windows | undefined {
  return windowsOf(
    shapes.map((shape) =>
      tf.backend_util.computeConv2DInfo(
        shape as Shape4,
        filter as Shape4,
        strides,
        dilations,
        pad,
        dimRoundingMode,
        depthwise,
      ),
    ),
  )
}

/**
 * Of pooling. `undefined` where the padding depends on the size of the input. Error: ARCHLOOM_ONNX_KERNEL_FORM for a
 * window that sees nothing of the input, for which runtimes have different values.
 */
export function poolingWindows(
  kernel: string,
  shapes: readonly (readonly number[])[],
  { strides, filterSize = 1, pad, dimRoundingMode }: WindowAttributes,
): Windows | undefined {
  const infos = shapes.map((shape) =>
    tf.backend_util.computePool2DInfo(shape as Shape4, filterSize, strides, 1, pad, dimRoundingMode),
  )
  for (const { size, before, kernel: width, stride, outputs } of infos.flatMap(axesOf))
    if (before >= width || (outputs - 1) * stride - before >= size)
      throw error('ARCHLOOM_ONNX_KERNEL_FORM', {
        kernel,
        received: `a window of ${width} positions beside an input of ${size}`,
        expected: 'windows that see a part of the input',
      })
  return windowsOf(infos)
}

/**
 * Of a transposed convolution, the adjoint of a convolution from `large` to `small`: how much of what all its windows
 * cover is cut off (positive) or missing (negative) at the ends. Error: SizeFixed where that depends on the size.
 */
export function transposedWindows(
  small: readonly (readonly number[])[],
  large: readonly (readonly number[])[],
  filter: readonly number[],
  { strides, pad, dimRoundingMode }: WindowAttributes,
): Omit<Windows, 'dilations'> {
  const all = large.map((shape, probe): Omit<Windows, 'dilations'> => {
    const info = tf.backend_util.computeConv2DInfo(shape as Shape4, filter as Shape4, strides, 1, pad, dimRoundingMode)
    const { top, left } = info.padInfo
    const end = (axis: 1 | 2, stride: number, width: number, before: number) =>
      (small[probe]![axis]! - 1) * stride + width - before - shape[axis]!
    return {
      kernel: [info.filterHeight, info.filterWidth],
      strides: [info.strideHeight, info.strideWidth],
      pads: [
        ...([top, left] as const),
        end(1, info.strideHeight, info.filterHeight, top),
        end(2, info.strideWidth, info.filterWidth, left),
      ],
    }
  })
  const [first] = all as [Omit<Windows, 'dilations'>]
  if (all.some(({ pads }) => `${pads}` !== `${first.pads}`))
    throw new SizeFixed('a transposed convolution pads differently for each size')
  return first
}

/** What windows see of the input on one axis: positions inside it. */
export function seen(size: number, at: number, stride: number, kernel: number, before: number): number {
  return Math.min(size, at * stride - before + kernel) - Math.max(0, at * stride - before)
}
