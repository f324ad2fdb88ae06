import * as tf from '@tensorflow/tfjs-core'

/** Tensors and buffers that a run left behind (negative: it disposed some that were there before). */
export interface TensorCount {
  readonly tensors: number
  readonly buffers: number
}

/**
 * Runs to the end, awaiting promises, and counts what is left. Tensors in the result are counted too, so return plain
 * data.
 */
export async function countTensors(run: () => unknown): Promise<TensorCount> {
  const before = tf.memory()
  await run()
  const after = tf.memory()
  return { tensors: after.numTensors - before.numTensors, buffers: after.numDataBuffers - before.numDataBuffers }
}
