import * as tf from '@tensorflow/tfjs-core'

/**
 * The two sides of an adversarial game, as losses to minimise: mean over a critic's scores (logits; of one value an
 * image, or of one a patch).
 */
export interface AdversarialLoss {
  /** The critic's, of scores of real examples. */
  real(scores: tf.Tensor): tf.Scalar
  /** The critic's, of scores of made ones. */
  fake(scores: tf.Tensor): tf.Scalar
  /** The maker's, of scores of made ones. */
  fool(scores: tf.Tensor): tf.Scalar
}

/**
 * 'log': −log σ(s) and −log(1 − σ(s)) (Goodfellow et al. 2014), the maker's in its non-saturating form −log σ(s).
 * 'least-squares': towards 1 and 0 (Mao et al. 2017), as CycleGAN and UNIT use it.
 * 'wasserstein': differences of means (Arjovsky et al. 2017); the critic needs a gradient penalty beside it.
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
