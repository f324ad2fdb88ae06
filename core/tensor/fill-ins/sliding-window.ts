import * as tf from '@tensorflow/tfjs-core'

/** Attributes of tfjs's convolution kernels that matter to their gradients. */
export interface ConvolutionAttributes {
  readonly strides: number | [number, number]
  readonly pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding
  readonly dataFormat?: 'NHWC' | 'NCHW'
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
  readonly dilations?: number | [number, number] | null
}

export type Conv2DInfo = tf.backend_util.Conv2DInfo

/** Sizes and padding of a convolution of x̂ [n, h, w, c] with a kernel [kh, kw, in, out or multiplier]. */
export const convolutionInfo = (
  inputShape: readonly number[],
  kernelShape: readonly number[],
  { strides, pad, dimRoundingMode, dilations }: ConvolutionAttributes,
  depthwise = false,
): Conv2DInfo =>
  tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    kernelShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  )

/** Pads [n, h, w, c] with zeros on each side, or crops where a number is negative. */
export function padOrCrop(x: tf.Tensor4D, top: number, bottom: number, left: number, right: number): tf.Tensor4D {
  const [n, h, w, c] = x.shape
  const cropped =
    Math.min(top, bottom, left, right) < 0
      ? tf.slice(
          x,
          [0, Math.max(0, -top), Math.max(0, -left), 0],
          [n, h + Math.min(0, top) + Math.min(0, bottom), w + Math.min(0, left) + Math.min(0, right), c],
        )
      : x
  const zeros = [top, bottom, left, right].map((size) => Math.max(0, size)) as [number, number, number, number]
  return zeros.every((size) => size === 0)
    ? cropped
    : tf.pad(cropped, [
        [0, 0],
        [zeros[0], zeros[1]],
        [zeros[2], zeros[3]],
        [0, 0],
      ])
}

/** The input with its padding written out. */
export const padded = (x: tf.Tensor4D, { padInfo }: Conv2DInfo): tf.Tensor4D =>
  padOrCrop(x, padInfo.top, padInfo.bottom, padInfo.left, padInfo.right)
