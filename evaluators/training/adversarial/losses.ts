import * as tf from '@tensorflow/tfjs-core'

/**
 * The losses of both sides of an adversarial game, to be minimised: means over a critic's scores (logits, one per
 * image or one per patch).
 */
export interface AdversarialLoss {
  /** Loss of the critic for the scores of real examples. */
  real(scores: tf.Tensor): tf.Scalar
  /** Loss of the critic for the scores of generated examples. */
  fake(scores: tf.Tensor): tf.Scalar
  /** Loss of the generator for the scores of generated examples. */
  fool(scores: tf.Tensor): tf.Scalar
}

/**
 * 'log': −log σ(s) and −log(1 − σ(s)) (Goodfellow et al. 2014), the generator's in its non-saturating form −log σ(s).
 * 'least-squares': towards 1 and 0 (Mao et al. 2017), as in CycleGAN and UNIT. 'wasserstein': differences of means
 * (Arjovsky et al. 2017); the critic also needs a gradient penalty.
 */
export type Adversary = 'log' | 'least-squares' | 'wasserstein'

const mean = (x: tf.Tensor) => tf.mean(x) as tf.Scalar
const towards = (target: number) => (s: tf.Tensor) => mean(tf.square(tf.sub(s, target)))
const notReal = (s: tf.Tensor) => mean(tf.softplus(tf.neg(s)))

export const adversarialLosses: Readonly<Record<Adversary, AdversarialLoss>> = {
  log: { real: notReal, fake: (s) => mean(tf.softplus(s)), fool: notReal },
  'least-squares': { real: towards(1), fake: towards(0), fool: towards(1) },
  wasserstein: { real: (s) => mean(tf.neg(s)), fake: mean, fool: (s) => mean(tf.neg(s)) },
}
