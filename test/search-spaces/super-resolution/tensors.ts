import * as tf from '@tensorflow/tfjs-core'

/** One grey image [1, h, w, 1] from its rows. */
export const fromRows = (rows: readonly (readonly number[])[]): tf.Tensor4D =>
  tf.tensor4d(rows.flat(), [1, rows.length, (rows[0] as readonly number[]).length, 1])
