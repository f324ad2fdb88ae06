import type { Genotype, Json, Random } from '../../core/index.ts'
import { flag, number, type OptionsOf, options, whole } from '../../core/options/index.ts'
import {
  loadParameters,
  movingAverage,
  policyAdam,
  policyGradientStep,
  restored,
  saveParameters,
} from '../../core/policy/index.ts'
import { controllerFields, type HierarchicalPolicy, hierarchicalPolicy } from './controller.ts'
import type { Hierarchy } from './hierarchy.ts'

export const policyLearnerFields = {
  ...controllerFields,
  learningRate: number({ above: 0, default: 3e-4, doc: 'Learning rate of Adam (β 0.5 and 0.999), on the policy.' }),
  halveAtEpoch: whole({ min: 0, infinite: true, default: 100, doc: 'The rate is halved once, from this epoch on.' }),
  weightDecay: number({ min: 0, default: 5e-4, doc: "L2 penalty that joins Adam's gradient." }),
  entropyWeight: number({
    min: 0,
    default: 0.1,
    doc: "λ_H, weight of the entropies in nats; the position's counts `positionWeight` times.",
  }),
  baselineDecay: number({ min: 0, below: 1, default: 0.95, doc: 'γ of the moving baseline.' }),
  freshBaseline: flag({
    default: true,
    doc: 'Whether every epoch begins with a new baseline, so that its first advantage is 0.',
  }),
}
const declared = options('hnas policyLearner', policyLearnerFields)
export type PolicyLearnerOptions = OptionsOf<typeof declared>

/** θ, its optimizer and its baseline. */
export interface PolicyLearner {
  readonly policy: HierarchicalPolicy
  /** b; undefined before the first reward of an epoch. */
  readonly baseline: number | undefined
  enterEpoch(epoch: number): void
  /** One update from one architecture's reward. */
  update(choices: Genotype, reward: number): Readonly<Record<string, number>>
  snapshot(): Json
  restore(snapshot: Json): void
}

/**
 * Descends −(ln p_normal + ln p_upsampling + 10 · ln p_position) · A − λ_H · (H_normal + H_upsampling + 10 ·
 * H_position) with Adam, gradients as they are. The baseline is updated with the reward before it is subtracted: b ← γ
 * · b + (1 − γ) · R and A = R − b; b is R itself at the first reward of an epoch.
 */
export function policyLearner(hierarchy: Hierarchy, rng: Random, given: PolicyLearnerOptions = {}): PolicyLearner {
  const { hidden, hierarchical, positionWeight, ...learning } = declared.read(given)
  const { learningRate, halveAtEpoch, weightDecay, entropyWeight, baselineDecay, freshBaseline } = learning
  const policy = hierarchicalPolicy(hierarchy, rng, { hidden, hierarchical, positionWeight })
  const adam = policyAdam(policy.trained, { learningRate, beta1: 0.5, beta2: 0.999, weightDecay })
  let baseline = movingAverage(baselineDecay)
  return {
    policy,
    get baseline() {
      return baseline.value
    },
    enterEpoch(epoch) {
      adam.learningRate = epoch >= halveAtEpoch ? learningRate / 2 : learningRate
      if (freshBaseline) baseline = movingAverage(baselineDecay)
    },
    update(choices, reward) {
      const advantage = baseline.advantage(reward)
      const { entropy, logProbability } = policyGradientStep(policy, adam, [{ genotype: choices, advantage }], {
        entropyWeight,
      })
      return { reward, advantage, baseline: baseline.value as number, entropy, logProbability }
    },
    snapshot: () => ({
      policy: saveParameters(policy.parameters),
      optimizer: adam.snapshot(),
      baseline: baseline.snapshot(),
    }),
    restore(snapshot) {
      const state = restored('hnas', snapshot, { policy: 'array', optimizer: 'object', baseline: 'any' })
      loadParameters(policy.parameters, state.policy)
      adam.restore(state.optimizer as Json)
      baseline.restore(state.baseline as Json)
    },
  }
}
