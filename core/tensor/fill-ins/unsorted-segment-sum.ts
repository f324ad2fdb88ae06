import * as tf from '@tensorflow/tfjs-core'
import type { KernelFillIn } from './fill-in.ts'

/** Sums the rows of x [n, ...] by segmentIds [n], as the product of a one-hot matrix [segments, n] and the rows. */
export const unsortedSegmentSum: KernelFillIn = {
  kernel: 'UnsortedSegmentSum',
  compute: ({ x, segmentIds }, attributes) => {
    const { numSegments } = attributes as unknown as { numSegments: number }
    const rows = x as tf.Tensor
    const count = segmentIds?.size ?? 0
    const ids = tf.reshape(tf.cast(segmentIds as tf.Tensor, 'int32'), [1, count])
    const segments = tf.reshape(tf.range(0, numSegments, 1, 'int32'), [numSegments, 1])
    const member = tf.cast(tf.equal(segments, ids), 'float32') as tf.Tensor2D
    const sums = tf.matMul(member, tf.cast(tf.reshape(rows, [count, -1]), 'float32') as tf.Tensor2D)
    return tf.cast(tf.reshape(sums, [numSegments, ...rows.shape.slice(1)]), rows.dtype)
  },
}
