import * as tf from '@tensorflow/tfjs-core'
import { type Conv2DInfo, padOrCrop } from './sliding-window.ts'

/** Padding at the top, bottom, left and right; negative numbers crop. */
export type Border = readonly [number, number, number, number]

/** The border after which these windows are 'valid' and no pixel is left over. */
export function borderOf({ padInfo, ...geometry }: Conv2DInfo): Border {
  const height = (geometry.outHeight - 1) * geometry.strideHeight + geometry.effectiveFilterHeight
  const width = (geometry.outWidth - 1) * geometry.strideWidth + geometry.effectiveFilterWidth
  const { top, left } = padInfo
  return [top, height - geometry.inHeight - top, left, width - geometry.inWidth - left]
}

/** Adds the border to the input. For a maximum, fill it with -Infinity, which never wins. */
export function enclose(x: tf.Tensor, border: Border, value = 0): tf.Tensor4D {
  if (value === 0) return padOrCrop(x as tf.Tensor4D, ...border)
  const [top, bottom, left, right] = border.map((size) => Math.max(0, size)) as unknown as Border
  const cropped = padOrCrop(x as tf.Tensor4D, ...(border.map((size) => Math.min(0, size)) as unknown as Border))
  const sides: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]
  return tf.pad(cropped, sides, value)
}

/** Removes the border again. */
export const release = (y: tf.Tensor, border: Border): tf.Tensor =>
  padOrCrop(y as tf.Tensor4D, ...(border.map((size) => -size) as unknown as Border))
