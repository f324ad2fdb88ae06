import * as tf from '@tensorflow/tfjs-core'
import type { Layer, VariableScope } from '../../core/tensor/index.ts'
import type { ApplyMode, Network } from '../../core/trainer.ts'
import { error } from './errors.ts'

/** The parts of a joint network for one of its two domains. */
export interface Domain {
  /** Shape of one example, without the batch. */
  readonly shape: readonly number[]
  /** E: examples to the latent space. */
  readonly encode: Layer
  /** G: the latent space to examples. */
  readonly decode: Layer
  /** D: a score (logit) for each example, or one for each of its patches; larger means more real. */
  readonly criticise: Layer
}

export type Side = 'x' | 'y'
export const otherSide = (side: Side): Side => (side === 'x' ? 'y' : 'x')

/**
 * Encoders, decoders and critics of two domains x and y that share a latent space. As a `Network` it translates x to
 * y; `trainable` are the variables of encoders and decoders; those of the critics are separate.
 */
export interface JointNetwork extends Network {
  /** Holds everything, critics too: for saving and loading. */
  readonly scope: VariableScope
  readonly latentShape: readonly number[]
  readonly domains: Readonly<Record<Side, Domain>>
  /** D_z. */
  readonly criticiseLatent: Layer
  readonly critics: readonly tf.Variable[]
}

export interface JointNetworkOptions {
  /**
   * The variables of the network, which then owns the scope. Critics are in its child 'critics'; everything else is
   * trained to fool them.
   */
  readonly scope: VariableScope
  readonly latentShape: readonly number[]
  readonly x: Domain
  readonly y: Domain
  readonly criticiseLatent: Layer
}

const mode: ApplyMode = { training: false }

/**
 * Combines the parts, and applies each once to zeros to check that their shapes agree. Errors: ARCHLOOM_JWDM_SHAPES,
 * and those of the layers.
 */
export function jointNetwork({ scope, latentShape, x, y, criticiseLatent }: JointNetworkOptions): JointNetwork {
  const domains = { x, y }
  const ofCritics = scope.child('critics')
  const self: JointNetwork = {
    scope,
    latentShape,
    domains,
    criticiseLatent,
    inputShape: x.shape,
    outputShape: y.shape,
    get critics() {
      return ofCritics.trainable
    },
    get trainable() {
      const critics = new Set(ofCritics.trainable)
      return scope.trainable.filter((variable) => !critics.has(variable))
    },
    get state() {
      return scope.stateful
    },
    apply: (inputs, applyMode) => translate(self, 'x', inputs, applyMode),
    [Symbol.dispose]: () => scope.dispose(),
  }
  try {
    tf.tidy(() => checkShapes(self))
  } catch (thrown) {
    scope.dispose()
    throw thrown
  }
  return self
}

function checkShapes({ domains, latentShape }: JointNetwork): void {
  const expectShape = (part: string, made: tf.Tensor, expected: readonly number[], remedy: string) => {
    const received = made.shape.slice(1)
    if (!tf.util.arraysEqual(received, [...expected]))
      throw error('ARCHLOOM_JWDM_SHAPES', { part, received, expected, remedy })
  }
  for (const [side, { shape, encode, decode }] of Object.entries(domains)) {
    const latent = encode(tf.zeros([1, ...shape]), mode)
    const shared = 'Both domains share one latent space: resize their examples, or give the encoders other strides.'
    expectShape(`the code of an example of ${side}`, latent, latentShape, shared)
    const back = decode(tf.zeros([1, ...latentShape]), mode)
    expectShape(`the output of the decoder of ${side}`, back, shape, 'Give examples of a size that it can make.')
  }
}

/** Checks a batch against its domain. Error: ARCHLOOM_JWDM_SHAPES. */
export function checkBatch({ domains }: JointNetwork, side: Side, examples: tf.Tensor): void {
  const { shape } = domains[side]
  if (!tf.util.arraysEqual(examples.shape.slice(1), [...shape]))
    throw error('ARCHLOOM_JWDM_SHAPES', {
      part: `a batch of domain ${side}`,
      received: examples.shape,
      expected: [examples.shape[0] ?? 0, ...shape],
      remedy: 'Resize the examples, or build the network for their shape.',
    })
}

/** Codes of examples [n, ...shape] in the latent space. Call inside a tidy. Error: ARCHLOOM_JWDM_SHAPES. */
export function encoded(
  network: JointNetwork,
  side: Side,
  examples: tf.Tensor,
  applyMode: ApplyMode = mode,
): tf.Tensor {
  checkBatch(network, side, examples)
  return network.domains[side].encode(examples, applyMode)
}

/** Translates from one domain to the other: f = G_y∘E_x from 'x', g = G_x∘E_y from 'y'. Call inside a tidy. */
export const translate = (network: JointNetwork, from: Side, examples: tf.Tensor, applyMode: ApplyMode = mode) =>
  network.domains[otherSide(from)].decode(encoded(network, from, examples, applyMode), applyMode)

export const isJointNetwork = (network: Network): network is JointNetwork =>
  'domains' in network && 'criticiseLatent' in network && 'critics' in network
