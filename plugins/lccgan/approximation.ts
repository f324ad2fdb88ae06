import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import { combination, type Rows } from './rows.ts'

/** A function of points with its derivative along a direction, for exact experiments. */
export interface Smooth {
  value(at: Float64Array): Float64Array
  /** ∇f(at)ᵀ·direction. */
  along(at: Float64Array, direction: Float64Array): Float64Array
}

/**
 * The approximation of f by local coordinates at their point r = Σγv. Order 1 (LCCGAN): Σγ·f(v). Order 2 (LCCGAN++,
 * the second-order term): Σγ·[f(v) + ½∇f(v)ᵀ(h − v)]; exact for quadratic f where r = h.
 */
export function approximated(f: Smooth, point: Float64Array, code: ArrayLike<number>, bases: Rows, order: 1 | 2) {
  const parts = bases.map((base) => {
    const own = f.value(base)
    if (order === 1) return own
    const slope = f.along(
      base,
      point.map((value, k) => value - base[k]!),
    )
    return own.map((value, k) => value + slope[k]! / 2)
  })
  return combination(code, parts)
}

/** A batch of local codes as tensors: inputs r [b, D], their bases [b·d, D] point by point, and weights [b, d]. */
export type LocalBatch = {
  readonly inputs: tf.Tensor2D
  readonly bases: tf.Tensor2D
  readonly weights: tf.Tensor2D
}

const approximationGapNames = optionNames<{ order?: 1 | 2; step?: number }>('approximationGap', {
  order: true,
  step: true,
})

/**
 * The distance of a generator from its approximation by bases: mean |G(r) − Σγ·[G(v) + ½∇G(v)ᵀ(r − v)]| (order 2), or
 * without the gradient term (order 1). Directional derivatives are central differences over ±`step` of the way from v
 * to r: sums of forward passes, so that the term can be trained on. Call inside a tidy.
 */
export function approximationGap(
  generate: (inputs: tf.Tensor) => tf.Tensor,
  { inputs, bases, weights }: LocalBatch,
  given: { order?: 1 | 2; step?: number } = {},
): tf.Scalar {
  const { order = 2, step = 0.05 } = approximationGapNames(given)
  const [count, neighbours] = weights.shape
  const dimension = inputs.shape[1]
  const flat = (x: tf.Tensor) => tf.reshape(x, [x.shape[0] as number, -1]) as tf.Tensor2D
  const spread = tf.reshape(tf.tile(tf.expandDims(inputs, 1), [1, neighbours, 1]), [-1, dimension])
  const offset = tf.mul(tf.sub(spread, bases), step)
  const rows = count * neighbours
  // One pass, so that every output is normalised alike.
  const all = order === 1 ? [inputs, bases] : [inputs, bases, tf.add(bases, offset), tf.sub(bases, offset)]
  const outputs = flat(generate(tf.concat(all)))
  const part = (start: number, size: number) => tf.slice(outputs, [start, 0], [size, -1])
  const own = part(count, rows)
  const half =
    order === 1 ? own : tf.add(own, tf.div(tf.sub(part(count + rows, rows), part(count + 2 * rows, rows)), 4 * step))
  const weighted = tf.mul(tf.reshape(half, [count, neighbours, -1]), tf.expandDims(weights, 2))
  return tf.mean(tf.abs(tf.sub(part(0, count), tf.sum(weighted, 1)))) as tf.Scalar
}
