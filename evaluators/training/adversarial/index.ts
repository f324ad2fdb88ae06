/** Losses of critics and of those who try to fool them. */
export { between, type GradientPenalty, type GradientPenaltyOptions, gradientPenalty } from './gradient-penalty.ts'
export { type AdversarialLoss, type Adversary, adversarialLosses } from './losses.ts'
