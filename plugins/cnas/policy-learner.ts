import type { Genotype, Json, Random } from '../../core/index.ts'
import { number, type OptionsOf, options } from '../../core/options/index.ts'
import {
  loadParameters,
  movingAverage,
  type Policy,
  policyAdam,
  policyGradientStep,
  restored,
  saveParameters,
} from '../../core/policy/index.ts'
import { activeRows, addDecay, cnasController, controllerFields, controllerLayout } from './controller.ts'
import type { GrowingSpace } from './growing-space.ts'

export const policyLearnerFields = {
  ...controllerFields,
  learningRate: number({ above: 0, default: 3e-4, doc: 'Learning rate of Adam for the policy.' }),
  weightDecay: number({ min: 0, default: 5e-4, doc: "L2 penalty that joins Adam's gradient, in active rows." }),
  entropyWeight: number({ min: 0, default: 0.005, doc: "λ, weight of the sum of all decisions' entropies in nats." }),
  baselineDecay: number({ min: 0, below: 1, default: 0.99, doc: 'γ of the moving baseline.' }),
  clipNorm: number({ above: 0, default: 5, doc: "Limit of the gradient's norm over all controllers together." }),
}
const declared = options('cnas policyLearner', policyLearnerFields)
export type PolicyLearnerOptions = OptionsOf<typeof declared>

/** θ, its optimizer and its baseline. They are kept through all stages and never reset. */
export interface PolicyLearner {
  readonly policy: Policy
  /** b; undefined before the first reward. */
  readonly baseline: number | undefined
  /** One REINFORCE update from one architecture's reward R ∈ [0, 1]. */
  update(choices: Genotype, reward: number): Readonly<Record<string, number>>
  snapshot(): Json
  restore(snapshot: Json): void
}

/**
 * ∇θ of −log π(α) · A − λ · H, clipped, then Adam. The baseline is updated with the reward before it is subtracted: b
 * ← γ·b + (1 − γ)·R and A = R − b = γ · (R − b before), 0 at the very first update.
 */
export function policyLearner(growing: GrowingSpace, rng: Random, given: PolicyLearnerOptions = {}): PolicyLearner {
  const { learningRate, weightDecay, entropyWeight, baselineDecay, clipNorm, ...network } = declared.read(given)
  const layout = controllerLayout(growing, network)
  const policy = cnasController(growing, rng, network)
  const adam = policyAdam(policy.parameters, { learningRate })
  const baseline = movingAverage(baselineDecay)
  let active = { stage: -1, rows: activeRows(growing, layout) }
  const optimizer = {
    step() {
      if (active.stage !== growing.stage) active = { stage: growing.stage, rows: activeRows(growing, layout) }
      addDecay(policy.parameters, weightDecay, active.rows)
      adam.step()
    },
  }
  return {
    policy,
    get baseline() {
      return baseline.value
    },
    update(choices, reward) {
      const advantage = baseline.advantage(reward)
      const step = policyGradientStep(policy, optimizer, [{ genotype: choices, advantage }], {
        entropyWeight,
        clipNorm,
      })
      return {
        reward,
        advantage,
        baseline: baseline.value as number,
        entropy: step.entropy,
        logProbability: step.logProbability,
        loss: step.loss,
        gradientNorm: step.gradientNorm,
      }
    },
    snapshot: () => ({
      policy: saveParameters(policy.parameters),
      optimizer: adam.snapshot(),
      baseline: baseline.snapshot(),
    }),
    restore(snapshot) {
      const state = restored('cnas', snapshot, { policy: 'array', optimizer: 'object', baseline: 'any' })
      loadParameters(policy.parameters, state.policy)
      adam.restore(state.optimizer as Json)
      baseline.restore(state.baseline as Json)
    },
  }
}
