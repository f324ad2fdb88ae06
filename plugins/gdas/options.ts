import { number, type OptionsOf, options, type ReadOptionsOf } from '../../core/options/index.ts'
import {
  type Deciding,
  oneShotDeciding,
  oneShotFields,
  oneShotRenamed,
  relaxationFields,
} from '../../evaluators/weight-sharing/index.ts'

/**
 * Defaults are those of the paper's search: 250 epochs, SGD 0.025 → 0.001 with Nesterov momentum 0.9, weight decay 3e-4
 * and gradients of norm ≤ 5; Adam on α with learning rate 3e-4 and weight decay 1e-3; τ from 10 to 0.1.
 */
export const defaults = { epochs: 250, learningRate: 0.025, minLearningRate: 0.001, nesterov: true, weightDecay: 3e-4 }
export const declared = options(
  'gdas',
  {
    ...oneShotFields(defaults),
    ...relaxationFields,
    temperature: number({ above: 0, default: 10, doc: 'Initial τ; it falls linearly to `minTemperature`.' }),
    minTemperature: number({ above: 0, default: 0.1, doc: 'Final τ.' }),
  },
  { renamed: oneShotRenamed },
)
export type GdasOptions = OptionsOf<typeof declared>
export type ReadGdasOptions = ReadOptionsOf<typeof declared>

export const deciding: Deciding<ReadGdasOptions> = {
  ...oneShotDeciding,
  controller: true,
  temperature: true,
  minTemperature: true,
}
