import * as tf from '@tensorflow/tfjs-core'

/** Factors of 2·d·σ² that the kernels' scales are (Tolstikhin et al., WAE, 2018). */
const SCALES = [0.1, 0.2, 0.5, 1, 2, 5, 10] as const

/**
 * Maximum mean discrepancy of two batches of codes under Σ_C C / (C + ‖a − b‖²), C = 2·d·{0.1 … 10}, as WAE estimates
 * it: without the diagonal within a batch, with it across. Of a batch with itself it is therefore not 0 but
 * Σ_C −2(1 − k̄_C)/n, k̄_C the mean of the kernel off the diagonal; batches of one have nothing within them.
 * @param a,b [n, …] and [m, …], rows of one size.
 */
export function inverseQuadraticMmd(a: tf.Tensor, b: tf.Tensor): tf.Scalar {
  const flat = (x: tf.Tensor) => tf.reshape(x, [x.shape[0] as number, -1]) as tf.Tensor2D
  const [first, second] = [flat(a), flat(b)]
  const [n, m, dimension] = [first.shape[0], second.shape[0], first.shape[1]]
  const squares = (x: tf.Tensor2D) => tf.sum(tf.square(x), 1, true)
  const distances = (x: tf.Tensor2D, y: tf.Tensor2D) =>
    // Rounding leaves distances of almost 0 below it.
    tf.relu(tf.sub(tf.add(squares(x), tf.transpose(squares(y))), tf.mul(tf.matMul(x, y, false, true), 2)))
  const kernels = (d: tf.Tensor) =>
    tf.addN(SCALES.map((scale) => tf.div(2 * dimension * scale, tf.add(d, 2 * dimension * scale))))
  const within = (x: tf.Tensor2D, count: number) => {
    const others = tf.sub(1, tf.eye(count))
    return tf.div(tf.sum(tf.mul(kernels(distances(x, x)), others)), Math.max(1, count * (count - 1)))
  }
  const across = tf.mul(tf.mean(kernels(distances(first, second))), 2)
  return tf.sub(tf.add(within(first, n), within(second, m)), across) as tf.Scalar
}
