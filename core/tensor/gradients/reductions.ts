import * as tf from '@tensorflow/tfjs-core'
import { fromBoth, fromInput, fromOutput, type GradientTable, masked } from './rule.ts'

const axesOf = (axis: number | number[] | undefined, x: tf.Tensor): number[] =>
  tf.util.parseAxisParam(axis ?? [...x.shape.keys()], x.shape)

/** Restores the reduced axes of a value, with size 1. */
const expand = (reduced: tf.Tensor, x: tf.Tensor, axes: number[]): tf.Tensor =>
  tf.reshape(
    reduced,
    x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)),
  )

/**
 * Copies the value of every group to its members. It adds a broadcast to zeros, because tiling is slow on the engines.
 */
const spread = (reduced: tf.Tensor, x: tf.Tensor, axes: number[]): tf.Tensor =>
  tf.add(tf.zeros(x.shape), expand(reduced, x, axes))

/** Every member that equals the extreme receives the whole gradient. */
const extreme = fromBoth((dy, x, y, attributes: { reductionIndices?: number | number[]; axis?: number | number[] }) => {
  const axes = axesOf(attributes.reductionIndices ?? attributes.axis, x)
  return masked(expand(dy, x, axes), tf.equal(x, expand(y, x, axes)))
})

/**
 * ∂/∂x[k] of a running product is the sum over the products that hold x[k], each with x[k] left out, times its dy.
 * Computed without division, so that zeros are handled; needs memory proportional to the square of the axis size.
 */
const cumprod = fromInput((dy, x, { axis, exclusive, reverse }: Required<CumulativeAttributes>) => {
  const [along = 0] = tf.util.parseAxisParam(axis, x.shape)
  const size = x.shape[along] as number
  const order = [...[...x.shape.keys()].filter((each) => each !== along), along]
  const inverse = order.map((_, each) => order.indexOf(each))
  const rows = tf.reshape(tf.transpose(x, order), [-1, 1, size])
  const itself = tf.expandDims(tf.eye(size), 0)
  const without = tf.add(tf.mul(rows, tf.sub(1, itself)), itself)
  const [left, right] = [tf.range(0, size), tf.reshape(tf.range(0, size), [size, 1])]
  const [later, earlier] = reverse ? [right, left] : [left, right]
  const holds = tf.cast(exclusive ? tf.greater(later, earlier) : tf.greaterEqual(later, earlier), 'float32')
  const products = tf.mul(tf.cumprod(without, 2, exclusive, reverse), tf.expandDims(holds, 0))
  const gradient = tf.sum(tf.mul(products, tf.reshape(tf.transpose(dy, order), [-1, 1, size])), 2)
  return tf.transpose(
    tf.reshape(
      gradient,
      order.map((each) => x.shape[each] as number),
    ),
    inverse,
  )
})

interface CumulativeAttributes {
  readonly axis: number
  readonly exclusive?: boolean
  readonly reverse?: boolean
}

export const reductions: GradientTable = {
  Cumprod: cumprod,
  Cumsum: fromInput((dy, _x, { axis, exclusive, reverse }: { axis: number; exclusive: boolean; reverse: boolean }) =>
    tf.cumsum(dy, axis, exclusive, !reverse),
  ),
  LogSoftmax: fromOutput(
    (dy, y, { axis }: { axis: number }) => tf.sub(dy, tf.mul(tf.sum(dy, [axis], true), tf.exp(y))),
    'logits',
  ),
  Max: extreme,
  Mean: fromInput((dy, x, { axis }: { axis: number | number[] }) => {
    const axes = axesOf(axis, x)
    const count = axes.reduce((product, each) => product * x.shape[each]!, 1)
    return spread(tf.div(dy, count), x, axes)
  }),
  Min: extreme,
  // The product of the others, without division: before times after.
  Prod: fromInput((dy, x, { axis }: { axis: number | number[] }) => {
    const axes = axesOf(axis, x)
    const kept = [...x.shape.keys()].filter((each) => !axes.includes(each))
    const order = [...kept, ...axes]
    const groups = tf.reshape(tf.transpose(x, order), [...kept.map((each) => x.shape[each] as number), -1])
    const last = groups.rank - 1
    const others = tf.mul(tf.cumprod(groups, last, true, false), tf.cumprod(groups, last, true, true))
    const gradient = tf.mul(tf.reshape(dy, [...groups.shape.slice(0, -1), 1]), others)
    const inverse = order.map((_, axisNow) => order.indexOf(axisNow))
    return tf.transpose(
      tf.reshape(
        gradient,
        order.map((each) => x.shape[each] as number),
      ),
      inverse,
    )
  }),
  Softmax: fromOutput((dy, y, { dim }: { dim: number }) => {
    const weighted = tf.mul(dy, y)
    return tf.sub(weighted, tf.mul(tf.sum(weighted, [dim], true), y))
  }, 'logits'),
  Sum: fromInput((dy, x, { axis }: { axis: number | number[] }) => spread(dy, x, axesOf(axis, x))),
}
