import * as tf from '@tensorflow/tfjs-core'
import { exactTransport, type GroundCost, type Points, pointsOf } from '../../evaluators/metrics/transport/index.ts'
import { encoded, type JointNetwork, type Side, translate } from './joint-network.ts'

/** How well the laws of (x, f(x)) and (g(y), y) agree on samples; means over examples. */
// A type, because the tidy of tfjs accepts plain object types but not interfaces.
export type JointAgreement = {
  /** W of the joint laws by exact assignment: squared Euclidean by default. */
  readonly joint: number
  /** W between f(x) and y, and between g(y) and x. */
  readonly marginalY: number
  readonly marginalX: number
  /** Mean |x − g(f(x))| and |y − f(g(y))|, averaged over coordinates and both domains. */
  readonly cycle: number
  /** Mean |x − G_x(E_x(x))| and the same in y. */
  readonly autoEncoder: number
  /** W₂² between the codes of both domains, standardised together. */
  readonly latent: number
  /** Mean |f(G_x(z)) − G_y(z)| at midpoints z of codes of x: do both ways of translating an interpolation agree? */
  readonly interpolation: number
}

const rows = (x: tf.Tensor): Points => {
  const count = x.shape[0] as number
  return pointsOf(Float32Array.from(x.dataSync()), x.size / count)
}
const sideBySide = (a: tf.Tensor, b: tf.Tensor) => {
  const flat = (x: tf.Tensor) => tf.reshape(x, [x.shape[0] as number, -1])
  return rows(tf.concat([flat(a), flat(b)], 1))
}
const difference = (a: tf.Tensor, b: tf.Tensor) => tf.mean(tf.abs(tf.sub(a, b))).dataSync()[0] as number

/**
 * @param x,y as many examples of each domain, [n, ...shape]; assignment takes O(n³), so n ≤ 512 or so. The caller
 * still owns them. The value between two samples of the same law, the floor, is not 0; `jointFloor` computes it.
 * Errors: ARCHLOOM_JWDM_SHAPES, ARCHLOOM_TRANSPORT_POINTS.
 */
export function jointAgreement(
  network: JointNetwork,
  x: tf.Tensor,
  y: tf.Tensor,
  cost: GroundCost = 'squared-euclidean',
): JointAgreement {
  return tf.tidy(() => {
    const mode = { training: false }
    const { domains } = network
    const codes = { x: encoded(network, 'x', x), y: encoded(network, 'y', y) }
    const decode = (side: Side, z: tf.Tensor) => domains[side].decode(z, mode)
    const [fx, gy] = [decode('y', codes.x), decode('x', codes.y)]
    const of = (a: tf.Tensor, b: tf.Tensor) => exactTransport(rows(a), rows(b), cost).cost
    const middle = midpoints(codes.x)
    const both = tf.concat([codes.x, codes.y])
    const { mean, variance } = tf.moments(both, 0)
    const standard = (z: tf.Tensor) => tf.div(tf.sub(z, mean), tf.sqrt(tf.add(variance, 1e-12)))
    return {
      joint: exactTransport(sideBySide(x, fx), sideBySide(gy, y), cost).cost,
      marginalY: of(fx, y),
      marginalX: of(gy, x),
      cycle: (difference(translate(network, 'y', fx), x) + difference(translate(network, 'x', gy), y)) / 2,
      autoEncoder: (difference(decode('x', codes.x), x) + difference(decode('y', codes.y), y)) / 2,
      latent: exactTransport(rows(standard(codes.x)), rows(standard(codes.y))).cost,
      interpolation: interpolationGap(network, middle),
    }
  })
}

/** Halfway between each code and the next. */
const midpoints = (codes: tf.Tensor) => {
  const count = codes.shape[0] as number
  const following = tf.concat([tf.slice(codes, 1, count - 1), tf.slice(codes, 0, 1)])
  return tf.mul(tf.add(codes, following), 0.5)
}

/** Mean |f(G_x(z)) − G_y(z)| of codes z [n, ...latentShape]. Call inside a tidy. */
export function interpolationGap(network: JointNetwork, z: tf.Tensor): number {
  const mode = { training: false }
  const { domains } = network
  const inX = domains.x.decode(z, mode)
  return difference(translate(network, 'x', inX), domains.y.decode(z, mode))
}

/**
 * The value of `joint` for a perfect pair of maps on samples of this size: the marginal distances of independent
 * samples.
 */
export const jointFloor = (
  [x, otherX]: readonly [Points, Points],
  [y, otherY]: readonly [Points, Points],
  cost: GroundCost = 'squared-euclidean',
): number => exactTransport(x, otherX, cost).cost + exactTransport(y, otherY, cost).cost
