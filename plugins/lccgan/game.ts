import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/index.ts'
import { optionError, optionNames } from '../../core/options/index.ts'
import { adam, type StepOptimizer } from '../../core/tensor/index.ts'
import { adversarialLosses, between, gradientPenalty } from '../../evaluators/training/adversarial/index.ts'
import { approximationGap, type LocalBatch } from './approximation.ts'
import { error } from './errors.ts'
import type { Gan } from './networks.ts'
import type { LatentSampler, LccSampler } from './sampler.ts'

export interface GameOptions {
  /** φ: 'log' plays −log D, non-saturating (vanilla, DCGAN); 'wasserstein' means with a gradient penalty (WGAN-GP). */
  readonly loss: 'log' | 'wasserstein'
  readonly learningRate: number
  readonly discriminatorLearningRate: number
  /** β₁ and β₂ of Adam. */
  readonly beta1: number
  readonly beta2: number
  /** λ of the gradient penalty. */
  readonly penalty: number
  /**
   * The generator's step judges the examples that the discriminator has just learnt from, or fresh ones (Algorithm 1).
   */
  readonly generatorBatchSize: 'same' | 'fresh'
  /** Weight of the gap between G and its local approximation; 0 leaves it out. */
  readonly approximationWeight: number
  /** Order of that approximation: 2 has the gradient term of LCCGAN++. */
  readonly approximationOrder: 1 | 2
  /** Number of inputs per batch at which the gap is measured. */
  readonly approximationExamples: number
}

// A type, not an interface: tfjs's tidy lets plain objects through.
export type GameLosses = {
  readonly discriminator: number
  readonly generator: number
  /** Gap between G and its local approximation; NaN if it is not requested. */
  readonly gap: number
}

/** The optimizers of the two sides, and their steps. A side whose loss is not finite is left unchanged. */
export interface Game extends Disposable {
  /** Updates the discriminator, then the generator, on real examples that remain owned by the caller. */
  step(real: tf.Tensor, rng: Random): GameLosses
  /** Updates only the discriminator; returns its loss. */
  discriminatorStep(real: tf.Tensor, rng: Random): number
  readonly learningRate: number
}

const training = { training: true } as const

const gameNames = optionNames<GameOptions>('game', {
  loss: true,
  learningRate: true,
  discriminatorLearningRate: true,
  beta1: true,
  beta2: true,
  penalty: true,
  generatorBatchSize: true,
  approximationWeight: true,
  approximationOrder: true,
  approximationExamples: true,
})

export function game(network: Gan, prior: LatentSampler, options: GameOptions): Game {
  gameNames(options)
  const { loss: play, penalty, approximationWeight } = options
  const losses = adversarialLosses[play]
  const form = { beta1: options.beta1, beta2: options.beta2 }
  const ofGenerator = adam({ learningRate: options.learningRate, ...form })
  const ofDiscriminator = adam({ learningRate: options.discriminatorLearningRate, ...form })
  if (play === 'wasserstein' && network.discriminator.stateful.length > 0)
    throw error('ARCHLOOM_LCCGAN_NETWORK', {
      received: 'a discriminator with batch statistics, under a penalty on the gradient of single examples',
      expected: "one without (discriminatorNormalisation: 'none')",
    })
  // Real and generated examples are normalised separately; without normalisation, one pass serves both.
  const apart = network.discriminator.stateful.length > 0
  const local = approximationWeight > 0 ? localPart(prior, options.approximationExamples) : undefined

  const inputs = (count: number, rng: Random) => tf.tensor2d(prior.draw(count, rng), [count, prior.dimension])
  const judge = (x: tf.Tensor) => network.discriminate(x, training)

  /** Differentiates the loss by some variables, and updates them unless it is not finite. */
  const update = (variables: readonly tf.Variable[], optimizer: StepOptimizer, loss: () => tf.Scalar): number => {
    const { value, grads } = tf.variableGrads(loss, [...variables])
    const [measured = Number.NaN] = value.dataSync()
    if (Number.isFinite(measured)) optimizer.applyGradients(present(grads))
    return measured
  }

  const updateDiscriminator = (real: tf.Tensor, fake: tf.Tensor, rng: Random) =>
    update(network.discriminator.trainable, ofDiscriminator, () => {
      const [ofReal, ofFake] = apart ? [judge(real), judge(fake)] : judgedTogether(judge, real, fake)
      const value = tf.add(losses.real(ofReal), losses.fake(ofFake))
      if (play === 'log') return value as tf.Scalar
      return tf.add(value, gradientPenalty(judge, between(real, fake, rng), { weight: penalty }).loss) as tf.Scalar
    })

  const gapOf = (rng: Random, note: (gap: number) => void): tf.Scalar | undefined => {
    if (!local) return undefined
    const generate = (z: tf.Tensor) => network.apply(z, training)
    const gap = approximationGap(generate, local(rng), { order: options.approximationOrder })
    note(gap.dataSync()[0] as number)
    return tf.mul(gap, approximationWeight)
  }

  const same = options.generatorBatchSize === 'same' && play === 'log'
  return {
    learningRate: options.learningRate,
    discriminatorStep: (real, rng) =>
      tf.tidy(() => {
        const fake = network.apply(inputs(real.shape[0] as number, rng), training)
        return updateDiscriminator(real, fake, rng)
      }),
    step: (real, rng) =>
      tf.tidy(() => {
        const count = real.shape[0] as number
        let [discriminator, gap] = [Number.NaN, Number.NaN]
        if (!same) discriminator = updateDiscriminator(real, network.apply(inputs(count, rng), training), rng)
        const generator = update(network.generator.trainable, ofGenerator, () => {
          const fake = network.apply(inputs(count, rng), training)
          if (same) discriminator = updateDiscriminator(real, fake, rng)
          const fooled = losses.fool(judge(fake))
          const own = gapOf(rng, (value) => {
            gap = value
          })
          return own ? (tf.add(fooled, own) as tf.Scalar) : fooled
        })
        return { discriminator, generator, gap }
      }),
    [Symbol.dispose]: () => {
      ofGenerator.dispose()
      ofDiscriminator.dispose()
    },
  }
}

function judgedTogether(judge: (x: tf.Tensor) => tf.Tensor, real: tf.Tensor, fake: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const [ofReal, ofFake] = tf.split(judge(tf.concat([real, fake])), [real.shape[0] as number, fake.shape[0] as number])
  return [ofReal as tf.Tensor, ofFake as tf.Tensor]
}

const present = (gradients: tf.NamedTensorMap) =>
  Object.fromEntries(Object.entries(gradients).filter(([, gradient]) => gradient != null))

const isLocal = (prior: LatentSampler): prior is LccSampler => 'drawCode' in prior

/** Draws codes with their bases, for the gap. */
function localPart(prior: LatentSampler, examples: number): (rng: Random) => LocalBatch {
  if (!isLocal(prior))
    throw optionError(
      'game',
      'approximationWeight',
      `above 0 with ${prior.name}`,
      '0: only local coordinates have bases to approximate from',
    )
  const { bases, dimension, coordinates } = prior
  return (rng) => {
    const codes = Array.from({ length: examples }, () => prior.drawCode(rng))
    const flat = codes.flatMap(({ neighbours }) => neighbours.flatMap((m) => [...(bases[m] as Float64Array)]))
    const own = tf.tensor2d(Float32Array.from(flat), [examples * coordinates, dimension])
    const weights = tf.tensor2d(Float32Array.from(codes.flatMap((code) => [...code.weights])), [examples, coordinates])
    const spread = tf.mul(tf.reshape(own, [examples, coordinates, dimension]), tf.expandDims(weights, 2))
    return { inputs: tf.sum(spread, 1) as tf.Tensor2D, bases: own, weights }
  }
}
