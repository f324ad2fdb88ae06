import * as tf from '@tensorflow/tfjs-core'
import type { KernelFillIn, Stock } from '../../core/tensor/fill-ins/fill-in.ts'

/** Summands up to which adding one after another keeps five digits. */
const FEW = 4096

interface Attributes {
  readonly axis: number | number[]
  readonly keepDims: boolean
}

const axesOf = ({ axis }: Attributes, { shape }: tf.TensorInfo) => tf.util.parseAxisParam(axis, shape)
const countOf = (axes: readonly number[], { shape }: tf.TensorInfo) =>
  axes.reduce((count, axis) => count * shape[axis]!, 1)

/**
 * The TensorFlow library adds values along the innermost axes as a tree, but along others one after another, which loses
 * digits where there are many. Those are summed in two steps of about the square root of their number.
 */
const passes: KernelFillIn['passes'] = ({ x }, attributes) => {
  const axes = axesOf(attributes as unknown as Attributes, x!)
  const isInnermost = axes.every((axis) => axis >= x!.shape.length - axes.length)
  return isInnermost || x!.dtype !== 'float32' || countOf(axes, x!) <= FEW
}

function summed(x: tf.Tensor, attributes: Attributes, sum: Stock): tf.Tensor {
  const axes = axesOf(attributes, x)
  const others = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const count = countOf(axes, x)
  const steps = Math.ceil(Math.sqrt(count))
  const rows = tf.reshape(tf.transpose(x, [...axes, ...others]), [count, -1]) as tf.Tensor2D
  const whole = tf.pad(rows, [
    [0, steps * steps - count],
    [0, 0],
  ])
  const first = { axis: [0], keepDims: false }
  const sums = sum({ x: sum({ x: tf.reshape(whole, [steps, steps, -1]) }, first) }, first)
  const shape = attributes.keepDims
    ? x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : others.map((axis) => x.shape[axis] as number)
  return tf.reshape(sums, shape)
}

export const reductionKernels: readonly KernelFillIn[] = [
  {
    kernel: 'Sum',
    replacesOnly: true,
    passes,
    compute: ({ x }, attributes, stock) => summed(x as tf.Tensor, attributes as unknown as Attributes, stock as Stock),
  },
  {
    kernel: 'Mean',
    replacesOnly: true,
    passes,
    compute: ({ x }, given) => {
      const attributes = given as unknown as Attributes
      const count = countOf(axesOf(attributes, x as tf.Tensor), x as tf.Tensor)
      return tf.div(tf.sum(x as tf.Tensor, attributes.axis, attributes.keepDims), count)
    },
  },
]
