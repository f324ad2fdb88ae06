import { checkOptions, nonNegativeNumber, positiveNumber } from '../../core/policy/index.ts'
import type { OneShotOptions, RelaxationOptions } from '../../evaluators/weight-sharing/index.ts'

export interface GdasOwnOptions extends RelaxationOptions {
  /** τ falls in a line from `temperature` to `minTemperature`. Default 10 to 0.1. */
  readonly temperature: number
  readonly minTemperature: number
}

/**
 * Defaults are those of the paper's search: 250 epochs, SGD 0.025 → 0.001 with Nesterov momentum 0.9, weight decay 3e-4
 * and gradients of norm ≤ 5; Adam on α with learning rate 3e-4 and weight decay 1e-3; τ from 10 to 0.1.
 */
export type GdasOptions = Partial<OneShotOptions & GdasOwnOptions>

/** Throws ARCHLOOM_CONTROLLER_OPTION. */
export function checkedOptions(given: GdasOptions): OneShotOptions & GdasOwnOptions {
  const options = {
    epochs: 250,
    warmUpEpochs: 0,
    learningRate: 0.025,
    minLearningRate: Math.min(0.001, given.learningRate ?? 0.025),
    momentum: 0.9,
    nesterov: true,
    weightDecay: 3e-4,
    clipNorm: 5,
    architectureLearningRate: 3e-4,
    architectureWeightDecay: 1e-3,
    temperature: 10,
    minTemperature: 0.1,
    ...given,
  }
  checkOptions('gdas', options, {
    architectureLearningRate: positiveNumber,
    architectureWeightDecay: nonNegativeNumber,
    temperature: positiveNumber,
    minTemperature: positiveNumber,
  })
  return options
}
