import * as tf from '@tensorflow/tfjs-core'
import type { Batch, Network, Split } from '../../core/index.ts'
import { correctCount, softmaxCrossEntropy } from '../../core/tensor/index.ts'

/** A measurement on one or many batches, in which all examples have the same weight. */
export interface Measured {
  readonly accuracy: number
  /** Mean cross-entropy in nats. */
  readonly loss: number
  readonly examples: number
}

/**
 * Measures a path on one batch, which is disposed. No weight changes. With `training`, the statistics of the batch are
 * used.
 */
export async function measureBatch(path: Network, { inputs, targets }: Batch, training: boolean): Promise<Measured> {
  const examples = inputs.shape[0] as number
  const read = tf.tidy(() => {
    const logits = path.apply(inputs, { training })
    return tf.stack([tf.cast(correctCount(logits, targets), 'float32'), softmaxCrossEntropy(logits, targets)])
  })
  try {
    const [correct, loss] = await read.data()
    return { accuracy: (correct as number) / examples, loss: loss as number, examples }
  } finally {
    tf.dispose([inputs, targets, read])
  }
}

/** Measures a path on a whole split in stored order. Batches count in proportion to their size. */
export async function measureSplit(
  path: Network,
  split: Split,
  { batchSize, training, signal }: { batchSize: number; training: boolean; signal?: AbortSignal },
): Promise<Measured> {
  let [correct, loss, examples] = [0, 0, 0]
  for (const batch of split.batches({ batchSize })) {
    const measured = await measureBatch(path, batch, training)
    signal?.throwIfAborted()
    correct += measured.accuracy * measured.examples
    loss += measured.loss * measured.examples
    examples += measured.examples
  }
  return { accuracy: correct / examples, loss: loss / examples, examples }
}
