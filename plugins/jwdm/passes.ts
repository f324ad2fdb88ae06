import * as tf from '@tensorflow/tfjs-core'
import type { ApplyMode } from '../../core/trainer.ts'
import { checkBatch, type JointNetwork, otherSide, type Side } from './joint-network.ts'
import type { Objective } from './objective.ts'

/** The tensors of one domain that the objective needs. */
export interface DomainPass {
  readonly real: tf.Tensor
  /** E(real), with its noise. */
  readonly code: tf.Tensor
  /** G(E(real)). */
  readonly reconstructed: tf.Tensor | undefined
  /** Examples of this domain made from the other: f(x) or g(y). */
  readonly translated: tf.Tensor
  /** The code of `translated`, on the way of the other domain's cycle. */
  readonly translatedCode: tf.Tensor | undefined
  /** Translated and back: g(f(x)) or f(g(y)). */
  readonly cycled: tf.Tensor | undefined
}

export type Passes = Readonly<Record<Side, DomainPass>>

/** Applies a layer to two concatenated batches: one large kernel call instead of two small ones. */
function applied(layer: (x: tf.Tensor) => tf.Tensor, first: tf.Tensor, second: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const [n, m] = [first.shape[0] as number, second.shape[0] as number]
  return tf.split(layer(tf.concat([first, second])), [n, m]) as [tf.Tensor, tf.Tensor]
}

/** Every network of the two ways, as often as the objective needs it. Call inside a tidy. Error: ARCHLOOM_JWDM_SHAPES. */
export function forward(
  network: JointNetwork,
  batch: Readonly<Record<Side, tf.Tensor>>,
  objective: Objective,
  mode: ApplyMode,
): Passes {
  for (const side of ['x', 'y'] as const) checkBatch(network, side, batch[side])
  const { domains } = network
  const { autoEncoder, cycle, codeNoise, cycledFakes } = objective
  const noisy = (code: tf.Tensor) =>
    codeNoise > 0 && mode.rng
      ? tf.add(code, tf.randomNormal(code.shape, 0, codeNoise, 'float32', mode.rng.tensorSeed()))
      : code
  const encode = (side: Side, examples: tf.Tensor) => domains[side].encode(examples, mode)
  const decode = (side: Side) => (code: tf.Tensor) => domains[side].decode(code, mode)
  const codes = { x: encode('x', batch.x), y: encode('y', batch.y) }
  const sent = { x: noisy(codes.x), y: noisy(codes.y) }

  const made = (side: Side) => {
    if (autoEncoder > 0) return applied(decode(side), sent[side], sent[otherSide(side)])
    return [undefined, decode(side)(sent[otherSide(side)])] as const
  }
  const [inX, inY] = [made('x'), made('y')]
  const translated = { x: inX[1], y: inY[1] }
  const cycles = cycle > 0 || cycledFakes
  const translatedCodes = {
    x: cycles ? encode('x', translated.x) : undefined,
    y: cycles ? encode('y', translated.y) : undefined,
  }
  const pass = (side: Side, reconstructed: tf.Tensor | undefined): DomainPass => {
    const back = translatedCodes[otherSide(side)]
    return {
      real: batch[side],
      code: codes[side],
      reconstructed,
      translated: translated[side],
      translatedCode: translatedCodes[side],
      cycled: back && decode(side)(noisy(back)),
    }
  }
  return { x: pass('x', inX[0]), y: pass('y', inY[0]) }
}
