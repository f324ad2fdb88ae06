/** Losses of critics and of generators. */
export { between, type GradientPenalty, type GradientPenaltyOptions, gradientPenalty } from './gradient-penalty.ts'
export { type AdversarialLoss, type Adversary, adversarialLosses } from './losses.ts'
