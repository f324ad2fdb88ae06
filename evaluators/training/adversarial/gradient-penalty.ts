import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../../core/random.ts'
import { checkOption, isPositive } from '../errors.ts'

export interface GradientPenaltyOptions {
  /** λ. Default 10. */
  readonly weight?: number
  /** L: the length that gradients should have. Default 1. */
  readonly length?: number
  /**
   * Of the lengths n: 'two-sided' mean (n − L)² (Gulrajani et al. 2017), 'one-sided' mean max(n − L, 0)²,
   * 'one-sided-mean' (mean max(n − L, 0))². Default 'two-sided'.
   */
  readonly form?: 'two-sided' | 'one-sided' | 'one-sided-mean'
  /** Length of the difference steps, in units of the inputs. Default 0.01. */
  readonly step?: number
}

// A type, not an interface: tfjs's tidy lets plain objects through.
export type GradientPenalty = {
  /** Penalty to add to a critic's loss: differentiable in the critic's variables. */
  readonly loss: tf.Scalar
  /** The penalty itself, from exact gradients. */
  readonly value: number
  /** ‖∇ critic‖ at each example. */
  readonly norms: Float32Array
}

const NAME = 'gradientPenalty'

/**
 * Penalty on the length of a critic's gradient by its input, at the examples `at` [batch, …]. tfjs cannot differentiate
 * through its gradients, so what a training step needs of the penalty, c·∂(dᵀ∇D)/∂θ with its direction d = ∇D/‖∇D‖ and
 * factor c fixed, is taken from the central difference c·(D(x + εd) − D(x − εd)) / 2ε: exact for critics that are linear
 * between the two points, as networks of leaky ReLUs mostly are, else with an error of ε². Call inside the function
 * that is differentiated, or outside of any; not inside a function that is differentiated by anything but the critic's
 * variables. Error: ARCHLOOM_TRAINING_OPTION.
 */
export function gradientPenalty(
  critic: (x: tf.Tensor) => tf.Tensor,
  at: tf.Tensor,
  options: GradientPenaltyOptions = {},
): GradientPenalty {
  const { weight = 10, length = 1, form = 'two-sided', step = 0.01 } = options
  checkOption(NAME, 'weight', weight, (n) => n >= 0, 'a number of at least 0')
  checkOption(NAME, 'length', length, (n) => n >= 0, 'a number of at least 0')
  checkOption(NAME, 'step', step, isPositive, 'a positive number')
  const count = at.shape[0] as number
  const { directions, norms } = directionsAt(critic, at)
  const over = norms.map((norm) => (form === 'two-sided' ? norm - length : Math.max(0, norm - length)))
  const meanOf = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / count
  const whole = form === 'one-sided-mean'
  const value = weight * (whole ? meanOf(over) ** 2 : meanOf(over.map((n) => n * n)))
  // ∂ penalty / ∂ norm of each example, times the number of examples.
  const average = meanOf(over)
  const factors = over.map((n) => 2 * weight * (whole ? (n > 0 ? average : 0) : n))

  const moved = tf.mul(directions, step)
  const scores = critic(tf.concat([tf.add(at, moved), tf.sub(at, moved)]))
  // A critic of patches has several scores an image; their mean is what is differentiated.
  const perImage = tf.mean(tf.reshape(scores, [2 * count, -1]), 1)
  const slopes = tf.mul(tf.sub(tf.slice(perImage, 0, count), tf.slice(perImage, count, count)), 1 / (2 * step))
  const moving = tf.mean(tf.mul(slopes, tf.tensor1d(factors)))
  const resting = meanOf(factors.map((factor, i) => factor * (norms[i] as number)))
  return { loss: tf.add(moving, value - resting) as tf.Scalar, value, norms }
}

/** Unit directions of steepest ascent and the slopes there, as plain values: the tape must not see where they come from. */
function directionsAt(critic: (x: tf.Tensor) => tf.Tensor, at: tf.Tensor) {
  const count = at.shape[0] as number
  const size = at.size / count
  const values = tf.tidy(() =>
    tf
      .grad((x: tf.Tensor) => tf.sum(tf.mean(tf.reshape(critic(x), [count, -1]), 1)))(at)
      .dataSync(),
  )
  const unit = Float32Array.from(values)
  const norms = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    const own = unit.subarray(i * size, (i + 1) * size)
    let square = 0
    for (const component of own) square += component * component
    norms[i] = Math.sqrt(square)
    for (let k = 0; k < size; k++) own[k] = square > 0 ? (own[k] as number) / (norms[i] as number) : 0
  }
  return { directions: tf.tensor(unit, at.shape), norms }
}

/** Points between real and made examples, x̂ = εx + (1 − ε)x̃ with ε uniform on [0, 1) for each; as many as both have. */
export function between(real: tf.Tensor, fake: tf.Tensor, rng: Random): tf.Tensor {
  const count = Math.min(real.shape[0] as number, fake.shape[0] as number)
  const shares = Float32Array.from({ length: count }, () => rng.float())
  const share = tf.tensor(shares, [count, ...real.shape.slice(1).fill(1)])
  const first = (x: tf.Tensor) => (x.shape[0] === count ? x : tf.slice(x, 0, count))
  return tf.add(tf.mul(share, first(real)), tf.mul(tf.sub(1, share), first(fake)))
}
