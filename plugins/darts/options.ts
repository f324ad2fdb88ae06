import { checkOptions, nonNegativeNumber, positiveNumber } from '../../core/policy/index.ts'
import type { OneShotOptions, RelaxationOptions } from '../../evaluators/weight-sharing/index.ts'

/**
 * Defaults are those of the released code: 50 epochs, SGD 0.025 → 0.001 with momentum 0.9, weight decay 3e-4 and
 * gradients of norm ≤ 5; Adam on α with learning rate 3e-4 and weight decay 1e-3. It has no warm-up.
 */
export type DartsOptions = Partial<OneShotOptions & RelaxationOptions>

/** Throws ARCHLOOM_CONTROLLER_OPTION. */
export function checkedOptions(given: DartsOptions): OneShotOptions & RelaxationOptions {
  const options = {
    epochs: 50,
    warmUpEpochs: 0,
    learningRate: 0.025,
    minLearningRate: Math.min(0.001, given.learningRate ?? 0.025),
    momentum: 0.9,
    nesterov: false,
    weightDecay: 3e-4,
    clipNorm: 5,
    architectureLearningRate: 3e-4,
    architectureWeightDecay: 1e-3,
    ...given,
  }
  checkOptions('darts', options, {
    architectureLearningRate: positiveNumber,
    architectureWeightDecay: nonNegativeNumber,
  })
  return options
}
