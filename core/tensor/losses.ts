import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../options/index.ts'
import { error } from './errors.ts'

/** Probabilities [batch, classes] of int labels [batch]; probabilities pass through. */
function targetsOf(logits: tf.Tensor2D, labels: tf.Tensor, smoothing: number): tf.Tensor2D {
  const [batch, classes] = logits.shape
  const indices = labels.rank === 1 && labels.shape[0] === batch
  if (!indices && !(labels.rank === 2 && labels.shape[0] === batch && labels.shape[1] === classes))
    throw error('ARCHLOOM_LABELS_SHAPE', { received: labels.shape, logits: logits.shape })
  // The wasm engine's one-hot writes integers whatever the dtype asked for: cast afterwards.
  const target = (indices ? tf.cast(tf.oneHot(labels as tf.Tensor1D, classes), 'float32') : labels) as tf.Tensor2D
  return smoothing === 0 ? target : tf.add(tf.mul(target, 1 - smoothing), smoothing / classes)
}

/** tfjs types the saver as a tensor. */
const keep = (save: unknown, tensors: tf.Tensor[]) => (save as (tensors: tf.Tensor[]) => void)(tensors)

const softmaxCrossEntropyNames = optionNames<{ labelSmoothing?: number }>('softmaxCrossEntropy', {
  labelSmoothing: true,
})

/**
 * Mean cross-entropy of softmax(logits [batch, classes]) against int labels [batch] or probabilities [batch, classes].
 * `labelSmoothing` moves that share of the target evenly over all classes. The gradient is (softmax − target) / batch:
 * one multiplication, no scatter. Labels are constants: no gradient flows to them.
 *
 * A logit of −Infinity is a class that is ruled out: it adds nothing where its target is 0, and makes the loss Infinity
 * where it is not. +Infinity and NaN make the loss NaN.
 */
export function softmaxCrossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: { labelSmoothing?: number } = {},
): tf.Scalar {
  softmaxCrossEntropyNames(options)
  const loss = tf.customGrad((x, save) => {
    const scores = x as tf.Tensor2D
    const target = targetsOf(scores, labels, options.labelSmoothing ?? 0)
    const logProbabilities = tf.logSoftmax(scores)
    const batch = scores.shape[0]
    keep(save, [scores, target])
    // 0 · −Infinity is not a number: where the target is 0 there is nothing to add.
    const terms = tf.where(tf.notEqual(target, 0), tf.mul(target, logProbabilities), tf.zerosLike(target))
    return {
      value: tf.div(tf.neg(tf.sum(terms)), batch),
      gradFunc: (dy: tf.Tensor, [saved, to]: tf.Tensor[]) =>
        tf.mul(tf.div(tf.sub(tf.softmax(saved as tf.Tensor), to as tf.Tensor), batch), dy),
    }
  })
  return loss(logits) as tf.Scalar
}

/** Mean absolute error over all values; its gradient does not tile. Targets are constants. */
export function l1Loss(predictions: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  const loss = tf.customGrad((x, save) => {
    const difference = tf.sub(x as tf.Tensor, targets)
    keep(save, [tf.sign(difference)])
    return {
      value: tf.mean(tf.abs(difference)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0] as tf.Tensor, tf.div(dy, (x as tf.Tensor).size)),
    }
  })
  return loss(predictions) as tf.Scalar
}

/** Mean squared error over all values; its gradient does not tile. Targets are constants. */
export function l2Loss(predictions: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  const loss = tf.customGrad((x, save) => {
    // Targets are saved too: those that were made within the loss are gone when gradients are taken.
    keep(save, [x as tf.Tensor, targets])
    return {
      value: tf.mean(tf.squaredDifference(x as tf.Tensor, targets)),
      gradFunc: (dy: tf.Tensor, [saved, to]: tf.Tensor[]) =>
        tf.mul(tf.sub(saved as tf.Tensor, to as tf.Tensor), tf.div(tf.mul(dy, 2), (x as tf.Tensor).size)),
    }
  })
  return loss(predictions) as tf.Scalar
}

/** How many rows of the logits [batch, classes] are greatest at their int label [batch]. A row with a NaN never is. */
export function correctCount(logits: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  const hits = tf.equal(tf.argMax(logits, -1), tf.cast(labels, 'int32'))
  return tf.sum(tf.cast(tf.logicalAnd(hits, tf.logicalNot(tf.any(tf.isNaN(logits), -1))), 'int32'))
}
