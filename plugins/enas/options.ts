import { checkOptions, decayRate, nonNegativeNumber, positiveInteger, positiveNumber } from '../../core/policy/index.ts'
import type { OneShotOptions } from '../../evaluators/weight-sharing/index.ts'

export interface ControllerOptions {
  /** Size of the LSTM's state and embeddings. Default 64. */
  readonly hidden: number
  /** Logits are c · tanh(logits / temperature). Default c = 1.1, divided by 2.5 where an operation is chosen; null: none. */
  readonly tanhConstant: number | null
  readonly operationTanhReduction: number
  /** Default 1. */
  readonly temperature: number
  /** Of Adam. Default 0.0035. */
  readonly policyLearningRate: number
  /** λ: the entropy in nats times λ joins the reward, as a number. Default 1e-4. */
  readonly entropyWeight: number
  /** Share of the old value in the moving baseline, which starts at 0. Default 0.99. */
  readonly baselineDecay: number
  /** Policy steps after each epoch of weight steps. Default 30. */
  readonly policySteps: number
  /** Architectures a policy step, each on a validation batch of its own. Default 10. */
  readonly policyBatch: number
  /** Architectures tried at the end: the likeliest one and draws from the trained policy, each once. Default 10. */
  readonly candidates: number
}

/**
 * Defaults are those of the released micro search: 150 epochs, SGD 0.05 → 0.0005 with Nesterov momentum 0.9, weight
 * decay 1e-4 and gradients of norm ≤ 5 (here one cosine, there with restarts); 30 policy steps of 10 architectures.
 */
export type EnasOptions = Partial<OneShotOptions & ControllerOptions>

/** Throws ARCHLOOM_CONTROLLER_OPTION. */
export function checkedOptions(given: EnasOptions): OneShotOptions & ControllerOptions {
  const options = {
    epochs: 150,
    warmUpEpochs: 0,
    learningRate: 0.05,
    minLearningRate: Math.min(0.0005, given.learningRate ?? 0.05),
    momentum: 0.9,
    nesterov: true,
    weightDecay: 1e-4,
    clipNorm: 5,
    hidden: 64,
    tanhConstant: 1.1,
    operationTanhReduction: 2.5,
    temperature: 1,
    policyLearningRate: 0.0035,
    entropyWeight: 1e-4,
    baselineDecay: 0.99,
    policySteps: 30,
    policyBatch: 10,
    candidates: 10,
    ...given,
  }
  checkOptions('enas', options, {
    hidden: positiveInteger,
    ...(options.tanhConstant !== null && { tanhConstant: positiveNumber }),
    operationTanhReduction: positiveNumber,
    temperature: positiveNumber,
    policyLearningRate: positiveNumber,
    entropyWeight: nonNegativeNumber,
    baselineDecay: decayRate,
    policySteps: positiveInteger,
    policyBatch: positiveInteger,
    candidates: positiveInteger,
  })
  return options
}
