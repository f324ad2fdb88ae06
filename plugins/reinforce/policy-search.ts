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
  policy: among(['lstm', 'categorical'], {
    default: 'lstm',
    doc: "'lstm': each choice depends on those before it. 'categorical': choices are independent, which learns faster.",
  }),
  hidden: whole({ min: 1, default: 32, doc: 'Size of embeddings and state of the LSTM.' }),
  share: flag({ default: false, doc: 'Whether decisions with equal options share embeddings and outputs.' }),
  learningRate: number({
    above: 0,
    absent: '0.01 for the LSTM, 0.1 for independent choices',
    doc: 'Learning rate of Adam for the policy.',
  }),
  entropyWeight: number({
    min: 0,
    default: 0.1,
    doc: "λ: weight of the policy's entropy (in nats) relative to the advantage.",
  }),
  baselineDecay: either([among([null]), number({ min: 0, below: 1 })], {
    default: 0.9,
    doc: 'Share of the old value in the moving-average baseline; null: no baseline.',
  }),
  standardise: flag({
    default: true,
    doc: 'Whether to divide advantages by their moving root mean square and clip them at ± 2, so that the other options do not depend on the unit of the reward.',
  }),
  batchSize: whole({ min: 1, default: 1, doc: 'Number of observations per update.' }),
  clipNorm: number({ above: 0, default: 5, doc: 'Largest norm of the gradient.' }),
})
export type ReinforceOptions = OptionsOf<typeof declared>

/** Limit of advantages, in standardised units. */
const ADVANTAGE_LIMIT = 2

/**
 * REINFORCE (Williams 1992) with a recurrent policy (Zoph & Le 2017): it draws architectures from a trained
 * distribution and raises the probability of those whose reward exceeds a moving average. A failed trial counts as the
 * worst reward so far and does not change the average; before the first reward it is ignored. An infeasible trial has
 * a negative advantage of 1 to 2 standard deviations, by its violation, whatever the unit of the reward. An infinitely good
 * reward has the greatest advantage and does not change the average.
 */
export function policySearch(given: ReinforceOptions = {}): ControllerFactory {
  const options = declared.read(given)
  const { learningRate = options.policy === 'categorical' ? 0.1 : 0.01 } = options

  return (space, rng): Controller => {
    const { hidden, share, entropyWeight, clipNorm, batchSize } = options
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
    let best: number | undefined
    const taught = new Set<number>()

    /** Updates the policy once there are enough episodes. */
    const learn = (diagnostics: Record<string, number>) => {
      if (episodes.length < batchSize) return
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
          // Later rungs of a trial are measured with more effort, so their results are not comparable with the others.
          if (taught.has(trial)) continue
          taught.add(trial)
          const reward = Number.isNaN(measured) || !feasible ? undefined : measured
          if (!feasible && options.standardise) {
            episodes.push({ genotype: proposal.genotype, advantage: -(1 + Math.min(1, violation)) })
            learn(diagnostics)
            continue
          }
          if (reward === Number.POSITIVE_INFINITY) {
            // No average holds it: it is taught as the greatest advantage, and changes nothing else.
            const greatest = best === undefined ? 0 : Math.max(0, baseline.compare(best))
            episodes.push({ genotype: proposal.genotype, advantage: options.standardise ? ADVANTAGE_LIMIT : greatest })
            learn(diagnostics)
            continue
          }
          if (reward !== undefined) best = Math.max(best ?? Number.NEGATIVE_INFINITY, reward)
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
