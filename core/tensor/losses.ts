import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../options/index.ts'
import { error } from './errors.ts'

/** Probabilities [batch, classes] of int labels [batch]; probabilities pass through. */
function targetsOf(logits: tf.Tensor2D, labels: tf.Tensor, smoothing: number): tf.Tensor2D {
  const [batch, classes] = logits.shape
  const indices = labels.rank === 1 && labels.shape[0] === batch
  if (!indices && !(labels.rank === 2 && labels.shape[0] === batch && labels.shape[1] === classes))
    throw error('ARCHLOOM_LABELS_SHAPE', { received: labels.shape, logits: logits.shape })
  // The one-hot kernel of wasm writes integers whatever dtype is requested, so the result is cast.
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
 * `labelSmoothing` moves that share of the target evenly over all classes. The gradient is (softmax − target) / batch.
 * Labels are constants: no gradient flows to them.
 *
 * A logit of −Infinity excludes a class: it contributes nothing if its target is 0, and otherwise makes the loss
 * Infinity. +Infinity and NaN make the loss NaN.
 * Errors: ARCHLOOM_OPTION, ARCHLOOM_LABELS_SHAPE.
 */
export function softmaxCrossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: { labelSmoothing?: number } = {},
): tf.Scalar {
  softmaxCrossEntropyNames(options)
  const { labelSmoothing = 0 } = options
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw optionError('softmaxCrossEntropy', 'labelSmoothing', labelSmoothing, 'a share of at least 0 and below 1')
  const loss = tf.customGrad((x, save) => {
    const scores = x as tf.Tensor2D
    const target = targetsOf(scores, labels, labelSmoothing)
    const logProbabilities = tf.logSoftmax(scores)
    const batch = scores.shape[0]
    keep(save, [scores, target])
    // 0 · −Infinity is NaN, so terms whose target is 0 are left out.
    const terms = tf.where(tf.notEqual(target, 0), tf.mul(target, logProbabilities), tf.zerosLike(target))
    return {
      value: tf.div(tf.neg(tf.sum(terms)), batch),
      gradFunc: (dy: tf.Tensor, [saved, to]: tf.Tensor[]) =>
        tf.mul(tf.div(tf.sub(tf.softmax(saved as tf.Tensor), to as tf.Tensor), batch), dy),
    }
  })
  return loss(logits) as tf.Scalar
}

/** Refuses targets that would be paired with other values than their own, as [n] is with [n, 1]. */
function checkTargets(loss: string, predictions: tf.Tensor, targets: tf.Tensor): void {
  const fits =
    targets.rank <= predictions.rank &&
    targets.shape.every((size, i) => size === 1 || size === predictions.shape[predictions.rank - targets.rank + i])
  if (!fits) throw error('ARCHLOOM_TARGETS_SHAPE', { loss, received: targets.shape, predictions: predictions.shape })
}

/**
 * Mean binary cross-entropy of sigmoid(logits) against labels or probabilities of the same shape, over all values. The
 * gradient is (sigmoid − target) / values. Targets are constants: no gradient flows to them. A logit of −Infinity with the
 * target 0 and one of +Infinity with the target 1 contribute nothing; with other targets they make the loss Infinity.
 * Error: ARCHLOOM_TARGETS_SHAPE.
 */
export function sigmoidCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  checkTargets('sigmoidCrossEntropy', logits, targets)
  const loss = tf.customGrad((x, save) => {
    const scores = x as tf.Tensor
    keep(save, [scores, targets])
    // max(x, 0)·(1 − t) + max(−x, 0)·t + log(1 + exp(−|x|)) does not overflow; 0 · Infinity is NaN, so it is left out.
    const weighted = (values: tf.Tensor, weights: tf.Tensor) =>
      tf.where(tf.notEqual(weights, 0), tf.mul(values, weights), tf.zerosLike(values))
    const sides = tf.add(
      weighted(tf.relu(scores), tf.sub(1, targets)),
      weighted(tf.relu(tf.neg(scores)), tf.cast(targets, 'float32')),
    )
    const terms = tf.add(sides, tf.log1p(tf.exp(tf.neg(tf.abs(scores)))))
    return {
      value: tf.mean(terms),
      gradFunc: (dy: tf.Tensor, [saved, to]: tf.Tensor[]) =>
        tf.mul(tf.div(tf.sub(tf.sigmoid(saved!), to!), scores.size), dy),
    }
  })
  return loss(logits) as tf.Scalar
}

/** Mean absolute error over all values. Targets are constants: no gradient flows to them. Error: ARCHLOOM_TARGETS_SHAPE. */
export function l1Loss(predictions: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  checkTargets('l1Loss', predictions, targets)
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

/** Mean squared error over all values. Targets are constants: no gradient flows to them. Error: ARCHLOOM_TARGETS_SHAPE. */
export function l2Loss(predictions: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  checkTargets('l2Loss', predictions, targets)
  const loss = tf.customGrad((x, save) => {
    // Targets are saved too, because targets that were computed within the loss are disposed before the backward pass.
    keep(save, [x as tf.Tensor, targets])
    return {
      value: tf.mean(tf.squaredDifference(x as tf.Tensor, targets)),
      gradFunc: (dy: tf.Tensor, [saved, to]: tf.Tensor[]) =>
        tf.mul(tf.sub(saved as tf.Tensor, to as tf.Tensor), tf.div(tf.mul(dy, 2), (x as tf.Tensor).size)),
    }
  })
  return loss(predictions) as tf.Scalar
}

/**
 * The number of rows of the logits [batch, classes] whose greatest value is at their int label [batch]. A row with a
 * NaN never counts.
 */
export function correctCount(logits: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  const hits = tf.equal(tf.argMax(logits, -1), tf.cast(labels, 'int32'))
  return tf.sum(tf.cast(tf.logicalAnd(hits, tf.logicalNot(tf.any(tf.isNaN(logits), -1))), 'int32'))
}
