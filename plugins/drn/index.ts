/** DRN: enlarging networks trained in a closed loop with networks that lead back to the small image. */
import { definePlugin } from '../../core/index.ts'
import { type BuildDrnOptions, buildDrn } from './network.ts'
import type { DrnOptions } from './network-plan.ts'
import { paper } from './paper.ts'
import { type EnlargementOptions, enlargements } from './pictures.ts'
import { type DualRegressionOptions, dualRegressionTrainer } from './trainer.ts'

export interface DrnPluginOptions extends Omit<DualRegressionOptions, 'onTrained'> {
  /** Pictures of what every trained network makes, told in the search's events. Default: none. */
  readonly pictures?: EnlargementOptions
}

/** Networks that enlarge are trained in the closed loop, searched ones as well. Error: ARCHLOOM_DRN_OPTION. */
export const drn = ({ pictures, ...options }: DrnPluginOptions = {}) => {
  const shown = pictures && enlargements(pictures)
  return definePlugin({
    name: 'drn',
    paper,
    provides: ['trainer'],
    // Owned networks and data splits are no settings that a study could write down.
    options: {
      dualWeight: options.dualWeight ?? 0.1,
      unpairedRatio: options.unpaired ? (options.unpairedRatio ?? 0.3) : 0,
    },
    bind: ({ trainer }) =>
      trainer.to(dualRegressionTrainer({ ...options, ...(shown && { onTrained: shown.onTrained }) })),
  })
}

/** Builders of networks from plain JSON, by kind: what saved models name. */
export const upscalers = {
  /** Options: scale, features, blocks, shortcut. */
  drn: (options: Readonly<Record<string, unknown>>, parts: Pick<BuildDrnOptions, 'input' | 'rng'>) =>
    buildDrn({ ...(options as unknown as DrnOptions), ...parts }),
} as const

export { bicubicDuals, type DualNetworks, degradationDual, dualNetworks } from './dual.ts'
export { type RegressionLosses, regressionLosses, unpairedDualLoss } from './loss.ts'
export { type BuildDrnOptions, buildDrn } from './network.ts'
export { drnCost } from './network-cost.ts'
export { type DrnOptions, drnConfigurations } from './network-plan.ts'
export { paper } from './paper.ts'
export { type EnlargementOptions, type Enlargements, enlargements } from './pictures.ts'
export { type DualRegressionOptions, dualRegressionTrainer } from './trainer.ts'
