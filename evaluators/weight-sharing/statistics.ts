import * as tf from '@tensorflow/tfjs-core'
import type { Network, Split } from '../../core/index.ts'
import { BATCH_NORM_MOMENTUM } from '../../core/tensor/index.ts'

/**
 * Which mean and variance batch normalisation uses when a path is measured. The running statistics of a supernet mix
 * all paths that were trained, so they fit no single path. `batch`: those of the batch itself, so accuracy depends
 * slightly on how examples are batched (as in CNAS and DARTS). `recalibrated`: running statistics that are estimated
 * for each path on training batches.
 */
export type Statistics = 'batch' | 'recalibrated'

/**
 * Whether a variable is a running average of batch normalisation; other state (memories of batches, counters) is not.
 */
const isRunningAverage = ({ name }: tf.Variable) => /(^|\/)moving_[^/]*$/.test(name)

/**
 * Sets a path's running statistics to their means over `batches` training batches, the later ones weighted more
 * (running averages from zero, divided by what zero contributed, as in Adam's correction). Memories of batches are
 * cleared and then hold the last of these batches.
 */
export function recalibrate(path: Network, data: Split<'train'>, batches: number, batchSize: number): void {
  for (const state of path.state) tf.tidy(() => state.assign(tf.zerosLike(state as tf.Tensor)))
  let done = 0
  for (const { inputs, targets } of data.batches({ batchSize, dropRemainder: data.size >= batchSize })) {
    tf.tidy(() => void path.apply(inputs, { training: true }))
    tf.dispose([inputs, targets])
    if (++done === batches) break
  }
  const weight = 1 - BATCH_NORM_MOMENTUM ** done
  for (const state of path.state.filter(isRunningAverage))
    tf.tidy(() => state.assign(tf.div(state as tf.Tensor, weight)))
}
