import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/index.ts'
import { l1Loss, l2Loss } from '../../core/tensor/index.ts'
import type { ApplyMode } from '../../core/trainer.ts'
import { adversarialLosses, between, gradientPenalty } from '../../evaluators/training/adversarial/index.ts'
import type { JointNetwork, Side } from './joint-network.ts'
import { inverseQuadraticMmd } from './mmd.ts'
import { hasLatentGame, type Objective } from './objective.ts'
import type { DomainPass, Passes } from './passes.ts'

const sides = ['x', 'y'] as const
const total = (terms: readonly tf.Tensor[]) => (terms.length > 0 ? tf.addN([...terms]) : tf.scalar(0)) as tf.Scalar

/** Fakes of one domain: translations, and what went there and back. */
const fakesOf = ({ translated, cycled }: DomainPass, { cycledFakes }: Objective): readonly tf.Tensor[] =>
  cycledFakes && cycled ? [translated, cycled] : [translated]

/** c(a, b) to a batch that is not differentiated. */
export function reconstruction(made: tf.Tensor, real: tf.Tensor, { distance }: Objective): tf.Scalar {
  return distance === 'l1' ? l1Loss(made, real) : l2Loss(made, real)
}

/** A critic's scores of several batches in one application. */
function scored(critic: (x: tf.Tensor) => tf.Tensor, batches: readonly tf.Tensor[]): readonly tf.Tensor[] {
  if (batches.length === 1) return [critic(batches[0] as tf.Tensor)]
  const sizes = batches.map(({ shape }) => shape[0] as number)
  return tf.split(critic(tf.concat([...batches])), sizes)
}

/**
 * −L_w of one game (JWAE, §4): the real batch once for each fake one, so that a critic without opinion stays without.
 * At equal scores the 'log' form gives 2 ln 2 a fake batch.
 */
export function criticLoss(
  criticise: (x: tf.Tensor) => tf.Tensor,
  real: tf.Tensor,
  fakes: readonly tf.Tensor[],
  { adversary, gradientPenalty: weight }: Objective,
  rng: Random,
): tf.Scalar {
  const loss = adversarialLosses[adversary]
  const [ofReal, ...ofFakes] = scored(criticise, [real, ...fakes])
  const game = total([tf.mul(loss.real(ofReal as tf.Tensor), fakes.length), ...ofFakes.map(loss.fake)])
  if (adversary !== 'wasserstein' || weight === 0) return game
  const penalties = fakes.map(
    (fake) => gradientPenalty(criticise, between(real, fake, rng), { weight }).loss as tf.Tensor,
  )
  return total([game, ...penalties])
}

/** −(L_x + L_y + L_z), to be minimised by the critics. The passes are taken as they are: nothing flows back into them. */
export function criticsLoss(network: JointNetwork, passes: Passes, objective: Objective, rng: Random): tf.Scalar {
  const { domains, criticiseLatent } = network
  const mode: ApplyMode = { training: true }
  const games = sides
    .filter((side) => objective.adversarial[side] > 0)
    .map((side) => {
      const criticise = (x: tf.Tensor) => domains[side].criticise(x, mode)
      return criticLoss(criticise, passes[side].real, fakesOf(passes[side], objective), objective, rng)
    })
  if (hasLatentGame(objective)) {
    const criticise = (z: tf.Tensor) => criticiseLatent(z, mode)
    const [first, second] = [passes.x.code, passes.y.code]
    if (objective.latentMatch === 'mutual') games.push(criticLoss(criticise, first, [second], objective, rng))
    else {
      const prior = tf.randomNormal(first.shape, 0, 1, 'float32', rng.tensorSeed())
      games.push(criticLoss(criticise, prior, [first, second], objective, rng))
    }
  }
  return total(games)
}

/** The parts of what encoders and decoders minimise, unweighted, and their weighted sum. */
export interface GeneratorLosses {
  readonly loss: tf.Scalar
  /** Auto-encoder terms of R_x + R_y. */
  readonly autoEncoder: tf.Scalar
  /** Cycle terms of R_x + R_y. */
  readonly cycle: tf.Scalar
  /** Both games over examples, weighted. */
  readonly adversarial: tf.Scalar
  /** Game over codes (or their discrepancy, or mean square). */
  readonly latent: tf.Scalar
}

/** R_x + R_y + α L_x + β L_y + ρ L_z, for encoders and decoders. */
export function generatorLosses(network: JointNetwork, passes: Passes, objective: Objective): GeneratorLosses {
  const { domains } = network
  const mode: ApplyMode = { training: true }
  const { fool } = adversarialLosses[objective.adversary]
  const reconstructions = (of: (pass: DomainPass) => tf.Tensor | undefined) =>
    total(
      sides.flatMap((side) => {
        const made = of(passes[side])
        return made ? [reconstruction(made, passes[side].real, objective)] : []
      }),
    )
  const autoEncoder = reconstructions(({ reconstructed }) => reconstructed)
  const cycle = objective.cycle > 0 ? reconstructions(({ cycled }) => cycled) : tf.scalar(0)
  const adversarial = total(
    sides
      .filter((side) => objective.adversarial[side] > 0)
      .map((side) => {
        const scores = scored((x) => domains[side].criticise(x, mode), fakesOf(passes[side], objective))
        return tf.mul(total(scores.map(fool)), objective.adversarial[side])
      }),
  )
  const latent = latentLoss(network, passes, objective)
  const loss = total([
    tf.mul(autoEncoder, objective.autoEncoder),
    tf.mul(cycle, objective.cycle),
    adversarial,
    tf.mul(latent, objective.latent),
  ])
  return { loss, autoEncoder, cycle, adversarial, latent }
}

function latentLoss({ criticiseLatent }: JointNetwork, passes: Passes, objective: Objective): tf.Scalar {
  const { latent, latentMatch, adversary } = objective
  if (latent === 0) return tf.scalar(0)
  if (latentMatch === 'kl') {
    const codes = sides.flatMap((side: Side) => [passes[side].code, passes[side].translatedCode])
    return total(codes.flatMap((code) => (code ? [tf.mean(tf.square(code))] : [])))
  }
  if (latentMatch === 'mmd') return inverseQuadraticMmd(passes.x.code, passes.y.code)
  const scores = scored((z) => criticiseLatent(z, { training: true }), [passes.x.code, passes.y.code])
  const [first, second] = scores as [tf.Tensor, tf.Tensor]
  const { fool, fake } = adversarialLosses[adversary]
  if (latentMatch === 'prior') return total([fool(first), fool(second)])
  // Each side is to look like the other: codes of x were taught as real, those of y as fake.
  return tf.mul(total([fake(first), fool(second)]), 0.5)
}
