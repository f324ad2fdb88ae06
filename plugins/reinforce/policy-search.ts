import type { Controller, ControllerFactory } from '../../core/index.ts'
import { among, either, flag, number, type OptionsOf, options, whole } from '../../core/options/index.ts'
import {
  categoricalPolicy,
  type Episode,
  layoutOf,
  lstmPolicy,
  movingAverage,
  noBaseline,
  policyAdam,
  policyGradientStep,
  standardised,
} from '../../core/policy/index.ts'

export const declared = options('reinforce', {
  /** 'lstm': each choice depends on those before it. 'categorical': independent choices, learns quicker. Default 'lstm'. */
  policy: among(['lstm', 'categorical'], { default: 'lstm' }),
  /** Size of embeddings and state of the LSTM. Default 32. */
  hidden: whole({ min: 1, default: 32 }),
  /** Whether decisions with equal options share embeddings and outputs. Default false. */
  share: flag({ default: false }),
  /** Of Adam, on the policy: nothing else is trained. Default 0.01 for the LSTM, 0.1 for independent choices. */
  learningRate: number({ above: 0, absent: '0.01 for the LSTM, 0.1 for independent choices' }),
  /** λ: weight of the policy's entropy (nats) beside the advantage. Default 0.1. */
  entropyWeight: number({ min: 0, default: 0.1 }),
  /** Share of the old value in the moving-average baseline; null: no baseline. Default 0.9. */
  baselineDecay: either([among([null]), number({ min: 0, below: 1 })], { default: 0.9 }),
  /**
   * Divide advantages by their moving root mean square and cut them at ± 2, so that the other options do not depend on
   * the unit of the reward. Default true.
   */
  standardise: flag({ default: true }),
  /** Observations of an update. Default 1. */
  batch: whole({ min: 1, default: 1 }),
  /** Limit of the gradient's norm. Default 5. */
  clipNorm: number({ above: 0, default: 5 }),
})
export type ReinforceOptions = OptionsOf<typeof declared>

/** In standardised units. */
const ADVANTAGE_LIMIT = 2

/**
 * REINFORCE (Williams 1992) with a recurrent policy (Zoph & Le 2017): draws architectures from a trained distribution
 * and raises the probability of those whose reward exceeds a moving average. A failed trial counts as the worst
 * reward seen so far and leaves the average alone; before any reward it teaches nothing. An infeasible trial has a negative
 * advantage of 1 to 2 standard deviations, by its violation, whatever the unit of the reward.
 */
export function policySearch(given: ReinforceOptions = {}): ControllerFactory {
  const options = declared.read(given)
  const { learningRate = options.policy === 'categorical' ? 0.1 : 0.01 } = options

  return (space, rng): Controller => {
    const { hidden, share, entropyWeight, clipNorm, batch } = options
    const policy =
      options.policy === 'categorical'
        ? categoricalPolicy(space)
        : lstmPolicy(space, rng.fork('policy'), { hidden, layout: layoutOf(space.decisions, { share }) })
    const optimizer = policyAdam(policy.parameters, { learningRate })
    const { baselineDecay } = options
    const plain = baselineDecay === null ? noBaseline() : movingAverage(baselineDecay)
    const baseline = options.standardise ? standardised(plain, baselineDecay ?? 0.9, ADVANTAGE_LIMIT) : plain
    let episodes: Episode[] = []
    let worst: number | undefined
    const taught = new Set<number>()

    /** One update of the policy, once there are enough episodes. */
    const learn = (diagnostics: Record<string, number>) => {
      if (episodes.length < batch) return
      const { loss, entropy, gradientNorm } = policyGradientStep(policy, optimizer, episodes, {
        entropyWeight,
        clipNorm,
      })
      episodes = []
      Object.assign(diagnostics, { loss, entropy, gradientNorm })
    }

    return {
      propose(own) {
        const { genotype, logProbability } = policy.sample(own)
        return { genotype, logProbability }
      },
      observe(observations) {
        const diagnostics: Record<string, number> = {}
        for (const { trial, proposal, reward: measured, feasible = true, violation = 0 } of observations) {
          // Later rungs of a trial are measured at another effort, and not comparable with the rest.
          if (taught.has(trial)) continue
          taught.add(trial)
          const reward = Number.isNaN(measured) || !feasible ? undefined : measured
          if (!feasible && options.standardise) {
            episodes.push({ genotype: proposal.genotype, advantage: -(1 + Math.min(1, violation)) })
            learn(diagnostics)
            continue
          }
          if (reward === undefined && worst === undefined) continue
          worst = Math.min(worst ?? Number.POSITIVE_INFINITY, reward ?? Number.POSITIVE_INFINITY)
          const advantage = reward === undefined ? baseline.compare(worst) : baseline.advantage(reward)
          episodes.push({ genotype: proposal.genotype, advantage })
          learn(diagnostics)
        }
        return { ...diagnostics, ...(baseline.value !== undefined && { baseline: baseline.value }) }
      },
      [Symbol.dispose]: () => {},
    }
  }
}
