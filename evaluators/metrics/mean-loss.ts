import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import type { Network, Split } from '../../core/trainer.ts'
import { error } from './errors.ts'

/** Mean loss of a batch: (outputs, targets) → scalar. Synchronous; called inside a tidy. */
export type BatchLoss = (outputs: tf.Tensor, targets: tf.Tensor) => tf.Scalar

const meanLossNames = optionNames<{ readonly batchSize?: number; readonly signal?: AbortSignal }>('meanLoss', {
  batchSize: true,
  signal: true,
})

/**
 * The mean of a loss over the examples of a split, in stored order, without augmentation, in evaluation mode. The loss
 * of each batch counts in proportion to its size.
 * Errors: ARCHLOOM_METRIC_NO_EXAMPLES; ARCHLOOM_METRIC_LOSS for a loss of several numbers.
 */
export async function meanLoss(
  network: Network,
  split: Split,
  loss: BatchLoss,
  given: { readonly batchSize?: number; readonly signal?: AbortSignal } = {},
): Promise<number> {
  const { batchSize = 128, signal } = meanLossNames(given)
  let [examples, sum] = [0, 0]
  for (const { inputs, targets } of split.batches({ batchSize })) {
    const size = inputs.shape[0]!
    try {
      const value = tf.tidy(() => {
        const mean = loss(network.apply(inputs, { training: false }), targets)
        if (mean.size !== 1) throw error('ARCHLOOM_METRIC_LOSS', { received: mean.shape })
        return mean
      })
      const [mean] = await value.data().finally(() => value.dispose())
      sum += size * mean!
    } finally {
      tf.dispose([inputs, targets])
    }
    signal?.throwIfAborted()
    examples += size
  }
  if (examples === 0) throw error('ARCHLOOM_METRIC_NO_EXAMPLES', { role: split.role })
  return sum / examples
}
