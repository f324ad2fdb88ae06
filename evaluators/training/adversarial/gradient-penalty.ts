import * as tf from '@tensorflow/tfjs-core'
import { among, number, type OptionsOf, options } from '../../../core/options/index.ts'
import type { Random } from '../../../core/random.ts'

const declared = options('gradientPenalty', {
  weight: number({ min: 0, default: 10, doc: 'λ.' }),
  length: number({ min: 0, default: 1, doc: 'L: the length that gradients should have.' }),
  form: among(['two-sided', 'one-sided', 'one-sided-mean'], {
    default: 'two-sided',
    doc: "What is penalised of the lengths n: 'two-sided' mean (n − L)² (Gulrajani et al. 2017), 'one-sided' mean max(n − L, 0)², 'one-sided-mean' (mean max(n − L, 0))².",
  }),
})
export type GradientPenaltyOptions = OptionsOf<typeof declared>

// A type, because the tidy of tfjs accepts plain object types but not interfaces.
export type GradientPenalty = {
  /** Penalty to add to a critic's loss. It is differentiable in the critic's variables and in the examples. */
  readonly loss: tf.Scalar
  /** The same, as a number. */
  readonly value: number
  /** ‖∇ critic‖ at each example. */
  readonly norms: Float32Array
}

/**
 * Penalty on the length of a critic's gradient by its input, at the examples `at` [batch, …]. A critic of patches has
 * several scores per example, and their mean is differentiated. The penalty is computed by nested gradients, so its
 * own gradient is exact: everywhere for smooth critics, and wherever a second derivative exists for rectifiers and
 * other piecewise linear functions. A gradient of length 0 contributes no gradient to the penalty. Errors:
 * ARCHLOOM_OPTION; ARCHLOOM_GRADIENT_MISSING for an operation that cannot be differentiated twice.
 */
export function gradientPenalty(
  critic: (x: tf.Tensor) => tf.Tensor,
  at: tf.Tensor,
  given: GradientPenaltyOptions = {},
): GradientPenalty {
  const { weight, length, form } = declared.read(given)
  const norms = slopesAt(critic, at)
  const over = form === 'two-sided' ? tf.sub(norms, length) : tf.relu(tf.sub(norms, length))
  const penalty = form === 'one-sided-mean' ? tf.square(tf.mean(over)) : tf.mean(tf.square(over))
  const loss = tf.mul(penalty, weight) as tf.Scalar
  return { loss, value: loss.dataSync()[0] as number, norms: Float32Array.from(norms.dataSync()) }
}

/** ‖∇ critic‖ at each example, [batch]; differentiable. */
function slopesAt(critic: (x: tf.Tensor) => tf.Tensor, at: tf.Tensor): tf.Tensor {
  const count = at.shape[0] as number
  // Several scores per example are averaged. Examples are independent, so the gradient of the sum contains that of
  // each.
  const total = (x: tf.Tensor) => {
    const scores = critic(x)
    return tf.mul(tf.sum(scores), count / scores.size)
  }
  const slopes = tf.grad(total)(at)
  const squares = tf.sum(tf.square(tf.reshape(slopes, [count, -1])), 1)
  // The root is not differentiable at 0; its gradient is set to 0 there.
  const flat = tf.lessEqual(squares, 0)
  return tf.where(flat, tf.mul(squares, 0), tf.sqrt(tf.where(flat, tf.onesLike(squares), squares)))
}

/**
 * Draws points between real and generated examples: x̂ = εx + (1 − ε)x̃ with ε uniform on [0, 1) for each. There are
 * as many points as the smaller batch has examples.
 */
export function between(real: tf.Tensor, fake: tf.Tensor, rng: Random): tf.Tensor {
  const count = Math.min(real.shape[0] as number, fake.shape[0] as number)
  const shares = Float32Array.from({ length: count }, () => rng.float())
  const share = tf.tensor(shares, [count, ...real.shape.slice(1).fill(1)])
  const first = (x: tf.Tensor) => (x.shape[0] === count ? x : tf.slice(x, 0, count))
  return tf.add(tf.mul(share, first(real)), tf.mul(tf.sub(1, share), first(fake)))
}
