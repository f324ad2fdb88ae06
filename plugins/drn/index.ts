/** DRN: enlarging networks trained in a closed loop with networks that lead back to the small image. */
export { bicubicDuals, type DualNetworks, dualNetworks } from './dual.ts'
export { type RegressionLosses, regressionLosses, unpairedDualLoss } from './loss.ts'
export { type BuildDrnOptions, buildDrn } from './network.ts'
export { drnCost } from './network-cost.ts'
export { type DrnOptions, drnConfigurations } from './network-plan.ts'
export { paper } from './paper.ts'
export { type DualRegressionOptions, dualRegressionTrainer } from './trainer.ts'
