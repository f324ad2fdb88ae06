import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import type { Network, Split } from '../../core/trainer.ts'
import { error } from './errors.ts'

export interface ClassificationOptions {
  /** Default: 128. */
  readonly batchSize?: number
  /** k: an example counts as right if its class is among the k largest logits. Default: 1. */
  readonly topK?: number
  readonly signal?: AbortSignal
}

export interface Classification {
  /** Share of examples whose class has the largest logit, 0 to 1. */
  readonly accuracy: number
  /** Share of examples whose class is among the k largest logits. */
  readonly topK: number
  /** Mean cross-entropy in nats; NaN if a logit is NaN or +Infinity, Infinity if the logit of a label is −Infinity. */
  readonly loss: number
  readonly examples: number
}

const classifyNames = optionNames<ClassificationOptions>('classify', { batchSize: true, topK: true, signal: true })

/**
 * Accuracy, top-k accuracy and loss of a classifier on a split, in one pass in stored order, without augmentation. Ties
 * go to the smaller class index; an example with a NaN among its logits counts as wrong.
 * Errors: ARCHLOOM_METRIC_TOP_K, ARCHLOOM_METRIC_NO_EXAMPLES, ARCHLOOM_METRIC_LOGITS, ARCHLOOM_METRIC_LABEL.
 */
export async function classify(
  network: Network,
  split: Split,
  given: ClassificationOptions = {},
): Promise<Classification> {
  const { batchSize = 128, topK = 1, signal } = classifyNames(given)
  const { classes } = split
  if (!Number.isInteger(topK) || topK < 1 || topK > classes)
    throw error('ARCHLOOM_METRIC_TOP_K', { received: topK, classes })
  let [examples, first, within, loss] = [0, 0, 0, 0]
  for (const { inputs, targets } of split.batches({ batchSize })) {
    const logits = applied(network, inputs, [inputs.shape[0] as number, classes], [inputs, targets])
    // Reading waits for the engine; no tidy scope is open meanwhile.
    const [scores, labels] = await Promise.all([logits.data(), targets.data()]).finally(() =>
      tf.dispose([inputs, targets, logits]),
    )
    signal?.throwIfAborted()
    const other = labels.find((label) => !(Number.isInteger(label) && label >= 0 && label < classes))
    if (other !== undefined) throw error('ARCHLOOM_METRIC_LABEL', { received: other, classes, role: split.role })
    for (let i = 0; i < labels.length; i++) {
      const rank = rankOf(scores, i * classes, classes, labels[i] as number)
      if (rank < 1) first++
      if (rank < topK) within++
      loss += crossEntropy(scores, i * classes, classes, labels[i] as number)
    }
    examples += labels.length
  }
  if (examples === 0) throw error('ARCHLOOM_METRIC_NO_EXAMPLES', { role: split.role })
  return { accuracy: first / examples, topK: within / examples, loss: loss / examples, examples }
}

const accuracyNames = optionNames<ClassificationOptions>('accuracy', { batchSize: true, topK: true, signal: true })

/** Top-k accuracy (k = 1 unless given) of a classifier on a split, 0 to 1. Errors: those of `classify`. */
export const accuracy = async (
  network: Network,
  split: Split,
  options: ClassificationOptions = {},
): Promise<number> => {
  accuracyNames(options)
  return (await classify(network, split, options)).topK
}

function applied(network: Network, inputs: tf.Tensor, expected: readonly number[], owned: tf.Tensor[]): tf.Tensor {
  try {
    return tf.tidy(() => {
      const logits = network.apply(inputs, { training: false })
      const received = logits.shape
      if (received.length !== expected.length || received.some((n, i) => n !== expected[i]))
        throw error('ARCHLOOM_METRIC_LOGITS', { received, expected })
      return logits
    })
  } catch (thrown) {
    tf.dispose(owned)
    throw thrown
  }
}

type Numbers = ArrayLike<number>

/** Number of classes that rank before the label; Infinity if a logit is NaN. */
function rankOf(scores: Numbers, start: number, classes: number, label: number): number {
  const own = scores[start + label] as number
  let rank = 0
  for (let k = 0; k < classes; k++) {
    const score = scores[start + k] as number
    if (Number.isNaN(score)) return Number.POSITIVE_INFINITY
    if (score > own || (score === own && k < label)) rank++
  }
  return rank
}

function crossEntropy(scores: Numbers, start: number, classes: number, label: number): number {
  let most = Number.NEGATIVE_INFINITY
  for (let k = 0; k < classes; k++) most = Math.max(most, scores[start + k] as number)
  let sum = 0
  for (let k = 0; k < classes; k++) sum += Math.exp(scores[start + k]! - most)
  return Math.log(sum) + most - scores[start + label]!
}
