import * as tf from '@tensorflow/tfjs-core'
import type { KernelFillIn, Stock } from '../../core/tensor/fill-ins/fill-in.ts'
import { type ConvolutionAttributes, convolutionInfo } from '../../core/tensor/fill-ins/sliding-window.ts'
import { type Border, borderOf, enclose, release } from '../../core/tensor/fill-ins/window-border.ts'

/*
 * Kernels that slide a window. TensorFlow supports only 'same' and 'valid' padding, whereas tfjs also accepts numbers
 * for each side; here the input is padded explicitly and the window slides as 'valid'.
 */

type Attributes = ConvolutionAttributes & {
  readonly filterSize?: number | [number, number]
  readonly filterShape?: number[]
  readonly inputShape?: number[]
}

const poolBorder = (shape: readonly number[], { filterSize, strides, pad, dimRoundingMode }: Attributes): Border =>
  borderOf(
    tf.backend_util.computePool2DInfo(
      shape as [number, number, number, number],
      filterSize as number,
      strides,
      1,
      pad,
      dimRoundingMode,
    ),
  )

const grown = ([n, h, w, c]: readonly number[], [top, bottom, left, right]: Border): number[] => [
  n as number,
  (h as number) + top + bottom,
  (w as number) + left + right,
  c as number,
]

type Compute = (
  inputs: Readonly<Record<string, tf.Tensor>>,
  attributes: Attributes,
  stock: Stock,
  valid: Attributes,
) => tf.Tensor

/** `ready` lists the paddings that the engine supports itself. */
const withPadding = (
  kernel: string,
  compute: Compute,
  ready = (pad: unknown) => pad === 'same' || pad === 'valid',
): KernelFillIn => ({
  kernel,
  replacesOnly: true,
  compute: (inputs, given, stock) => {
    const attributes = given as unknown as Attributes
    if (!stock) throw new RangeError(`tfjs-node has no kernel ${kernel} to build on`)
    if (ready(attributes.pad) || attributes.dataFormat === 'NCHW') return stock(inputs, attributes)
    const valid = { ...attributes, pad: 'valid' as const }
    return compute(inputs, attributes, stock, valid)
  },
})

const forward = (depthwise: boolean): Compute => {
  return ({ x, filter }, attributes, stock, valid) => {
    const border = borderOf(convolutionInfo((x as tf.Tensor).shape, (filter as tf.Tensor).shape, attributes, depthwise))
    return stock({ x: enclose(x as tf.Tensor, border), filter: filter as tf.Tensor }, valid)
  }
}

const filterGradient = (depthwise: boolean): Compute => {
  return ({ x, dy }, attributes, stock, valid) => {
    const border = borderOf(
      convolutionInfo((x as tf.Tensor).shape, attributes.filterShape as number[], attributes, depthwise),
    )
    return stock({ x: enclose(x as tf.Tensor, border), dy: dy as tf.Tensor }, valid)
  }
}

const inputGradient = (depthwise: boolean): Compute => {
  return ({ dy, filter }, attributes, stock, valid) => {
    const inputShape = attributes.inputShape as number[]
    const border = borderOf(convolutionInfo(inputShape, (filter as tf.Tensor).shape, attributes, depthwise))
    const inputs = { dy: dy as tf.Tensor, filter: filter as tf.Tensor }
    return release(stock(inputs, { ...valid, inputShape: grown(inputShape, border) }), border)
  }
}

/** The largest of no numbers, and of minus infinities, in the TensorFlow library. */
const LOWEST = -3.4028234663852886e38

/** The library passes over NaN, and has a finite largest of no numbers. */
const maxPool: KernelFillIn = {
  kernel: 'MaxPool',
  replacesOnly: true,
  compute: ({ x }, given, stock) => {
    const attributes = given as unknown as Attributes
    if (!stock) throw new RangeError('tfjs-node has no kernel MaxPool to build on')
    const image = x as tf.Tensor
    const isOurs = attributes.pad === 'same' || attributes.pad === 'valid' || attributes.dataFormat === 'NCHW'
    const pool = isOurs
      ? (image: tf.Tensor) => stock({ x: image }, attributes)
      : (image: tf.Tensor) => {
          const border = poolBorder(image.shape, attributes)
          return stock({ x: enclose(image, border, Number.NEGATIVE_INFINITY) }, { ...attributes, pad: 'valid' })
        }
    const pooled = pool(image)
    if (image.dtype !== 'float32') return pooled
    const holdsNaN = tf.greater(pool(tf.cast(tf.isNaN(image), 'float32')), 0)
    const isLowest = tf.lessEqual(pooled, LOWEST)
    return tf.where(holdsNaN, Number.NaN, tf.where(isLowest, Number.NEGATIVE_INFINITY, pooled))
  },
}

export const windowKernels: readonly KernelFillIn[] = [
  withPadding('Conv2D', forward(false)),
  withPadding('Conv2DBackpropFilter', filterGradient(false)),
  withPadding('Conv2DBackpropInput', inputGradient(false)),
  withPadding('DepthwiseConv2dNative', forward(true)),
  withPadding('DepthwiseConv2dNativeBackpropFilter', filterGradient(true)),
  withPadding('DepthwiseConv2dNativeBackpropInput', inputGradient(true)),
  maxPool,
  withPadding('MaxPoolGrad', ({ dy, input, output }, attributes, stock, valid) => {
    const border = poolBorder((input as tf.Tensor).shape, attributes)
    const padded = enclose(input as tf.Tensor, border, Number.NEGATIVE_INFINITY)
    return release(stock({ dy: dy as tf.Tensor, input: padded, output: output as tf.Tensor }, valid), border)
  }),
  // An average is over the pixels under the window, without padding.
  withPadding('AvgPool', ({ x }, attributes, stock, valid) => {
    const [, height, width] = (x as tf.Tensor).shape as [number, number, number]
    const border = poolBorder((x as tf.Tensor).shape, attributes)
    const covered = stock({ x: enclose(tf.ones([1, height, width, 1]), border) }, valid)
    return tf.div(stock({ x: enclose(x as tf.Tensor, border) }, valid), covered)
  }),
  // tfjs's kernel of this name divides by the whole window at the borders too, and archloom's gradient corrects for
  // that; TensorFlow divides by the number of pixels under the window.
  withPadding(
    'AvgPoolGrad',
    ({ dy, input }, attributes, stock, valid) => {
      const border = poolBorder((input as tf.Tensor).shape, attributes)
      const padded = enclose(input as tf.Tensor, border)
      return release(stock({ dy: dy as tf.Tensor, input: padded }, valid), border)
    },
    (pad) => pad === 'valid',
  ),
]
