import * as tf from '@tensorflow/tfjs-core'
import type { KernelFillIn } from './fill-in.ts'

/*
 * The kernels of tfjs iterate over the larger batch and take the matrices of the other one in turn. That is right if
 * the batches are equal or one repeats the other as a whole; for every other broadcast it pairs the wrong matrices.
 */

const batchOf = ({ shape }: tf.TensorInfo): number[] => shape.slice(0, -2)

/** Whether `large` is a repetition of the whole of `small` in memory. */
function repeatsAsAWhole(small: readonly number[], large: readonly number[]): boolean {
  const own = small.slice(small.findIndex((size) => size !== 1))
  if (small.every((size) => size === 1)) return true
  return own.every((size, i) => size === large[large.length - own.length + i])
}

/** Whether the engine's own product of two batches [..., m, k] and [..., k, n] pairs the right matrices. */
export function pairsRight(a: tf.TensorInfo, b: tf.TensorInfo): boolean {
  const [left, right] = [batchOf(a), batchOf(b)]
  if (tf.util.arraysEqual(left, right)) return true
  const whole = tf.broadcast_util.assertAndGetBroadcastShape(left, right)
  const size = tf.util.sizeFromShape(whole)
  if (tf.util.sizeFromShape(left) === size) return repeatsAsAWhole(right, left)
  return tf.util.sizeFromShape(right) === size && repeatsAsAWhole(left, right)
}

/** Writes out every matrix of the broadcast batch. */
function spread(x: tf.Tensor, batch: readonly number[]): tf.Tensor {
  const [rows, columns] = x.shape.slice(-2) as [number, number]
  const missing = batch.length - (x.rank - 2)
  const own = [...new Array<number>(missing).fill(1), ...x.shape.slice(0, -2)]
  const repetitions = batch.map((size, axis) => (own[axis] === size ? 1 : size))
  const tiled = tf.tile(tf.reshape(x, [...own, rows, columns]), [...repetitions, 1, 1])
  return tf.reshape(tiled, [-1, rows, columns])
}

const withSpreadBatches = (kernel: '_FusedMatMul' | 'BatchMatMul'): KernelFillIn => ({
  kernel,
  replacesOnly: true,
  passes: ({ a, b }) => pairsRight(a as tf.TensorInfo, b as tf.TensorInfo),
  compute: ({ a, b, ...rest }, attributes, stock) => {
    const [left, right] = [a as tf.Tensor, b as tf.Tensor]
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchOf(left), batchOf(right))
    if (!stock) throw new RangeError(`${kernel} has no kernel to build on`)
    const product = stock({ a: spread(left, batch), b: spread(right, batch), ...rest }, attributes)
    return tf.reshape(product, [...batch, ...product.shape.slice(-2)])
  },
})

export const broadcastProduct = withSpreadBatches('BatchMatMul')
export const broadcastFusedProduct = withSpreadBatches('_FusedMatMul')
