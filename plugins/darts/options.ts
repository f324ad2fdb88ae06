import { type OptionsOf, options, type ReadOptionsOf } from '../../core/options/index.ts'
import {
  type Deciding,
  oneShotDeciding,
  oneShotFields,
  oneShotRenamed,
  relaxationFields,
} from '../../evaluators/weight-sharing/index.ts'

/**
 * Defaults are those of the released code: 50 epochs, SGD 0.025 → 0.001 with momentum 0.9, weight decay 3e-4 and
 * gradients of norm ≤ 5; Adam on α with learning rate 3e-4 and weight decay 1e-3. It has no warm-up.
 */
export const defaults = { epochs: 50, learningRate: 0.025, minLearningRate: 0.001, nesterov: false, weightDecay: 3e-4 }
export const declared = options(
  'darts',
  { ...oneShotFields(defaults), ...relaxationFields },
  { renamed: oneShotRenamed },
)
export type DartsOptions = OptionsOf<typeof declared>
export type ReadDartsOptions = ReadOptionsOf<typeof declared>

export const deciding: Deciding<ReadDartsOptions> = { ...oneShotDeciding, controller: true }
