import * as tf from '@tensorflow/tfjs-core'
import { optionError } from '../../core/options/index.ts'
import { encoded, type JointNetwork, otherSide, type Side } from './joint-network.ts'

// A type, because the tidy of tfjs accepts plain object types but not interfaces.
export type InterpolatedVideo = {
  /** [n + 2, ...shape]: the first frame as given, n frames decoded in its own domain, the last as given. */
  readonly source: tf.Tensor
  /** [n + 2, ...shape of the other domain]: every frame decoded in the other domain, the given ones too. */
  readonly translated: tf.Tensor
  /** [n + 2, ...latentShape]. */
  readonly codes: tf.Tensor
}

/**
 * Cross-domain video synthesis (JWAE, Algorithm 2): codes on the line a·E(begin) + (1 − a)·E(end), a falling from 1 to 0,
 * decoded in both domains.
 * @param begin,end one frame [1, ...shape] of domain `from`.
 * @param frames n, how many to put between them; or the values of a.
 * Call inside a tidy. Errors: ARCHLOOM_JWDM_SHAPES, ARCHLOOM_OPTION.
 */
export function interpolate(
  network: JointNetwork,
  from: Side,
  { begin, end, frames }: { begin: tf.Tensor; end: tf.Tensor; frames: number | readonly number[] },
): InterpolatedVideo {
  const shares = typeof frames === 'number' ? evenly(frames) : frames
  if (!shares.every((a) => a > 0 && a < 1) || (begin.shape[0] ?? 0) !== 1 || (end.shape[0] ?? 0) !== 1)
    throw optionError(
      'interpolate',
      'frames',
      { frames, begin: begin.shape, end: end.shape },
      'a whole number of frames or shares between 0 and 1, and one frame at each end',
    )
  const mode = { training: false }
  const [first, last] = [encoded(network, from, begin), encoded(network, from, end)]
  const codes = tf.concat([first, ...shares.map((a) => tf.add(tf.mul(first, a), tf.mul(last, 1 - a))), last])
  const inner = shares.length > 0 ? [network.domains[from].decode(tf.slice(codes, 1, shares.length), mode)] : []
  return {
    source: tf.concat([begin, ...inner, end]),
    translated: network.domains[otherSide(from)].decode(codes, mode),
    codes,
  }
}

function evenly(count: number): readonly number[] {
  if (!Number.isInteger(count) || count < 0)
    throw optionError('interpolate', 'frames', count, 'a whole number of at least 0, or shares between 0 and 1')
  return Array.from({ length: count }, (_, i) => 1 - (i + 1) / (count + 1))
}
