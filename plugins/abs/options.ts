import type { Clock, Random, Split } from '../../core/index.ts'
import { check } from './errors.ts'

export interface BopsTarget {
  /** Share of full-precision BOPs (32 × 32 bits, nothing pruned), in (0, 1]. */
  readonly bops: number
}

/** Options that every search has: its length, learning rates, and the weight of the cost. */
export interface SearchOptions {
  readonly data: Split<'train'>
  /** Number of optimizer steps. Default: 30 epochs, as in the paper. */
  readonly steps?: number
  /** Default 128. */
  readonly batchSize?: number
  /** Learning rate of weights and clip values. Default: 0.001. */
  readonly learningRate?: number
  /**
   * Learning rate of thresholds (or of the mixture, with several paths). Default: 0.001 · 11,730 / steps, which covers
   * the same distance as the 11,730 steps of the paper.
   */
  readonly thresholdLearningRate?: number
  /** λ in CE + λ·ln R (eq. 17); with `target`, its initial value. Default: 0.1. */
  readonly lambda?: number
  /**
   * The target cost. It is approached over the first half of the search: λ rises while the cost is above the
   * intermediate target, and falls below it, where the cost has no weight.
   */
  readonly target?: BopsTarget
  /** L2 penalty on kernels; thresholds and clip values have none. Default: 1e-4. */
  readonly weightDecay?: number
  readonly rng: Random
  /** Clock that measures the search. */
  readonly clock?: Clock
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: SearchProgress) => void
}

export interface SearchProgress {
  readonly step: number
  readonly steps: number
  /** Loss including the cost term. */
  readonly loss: number
  readonly lambda: number
  /** Share of full-precision BOPs with the present gates. */
  readonly share: number
}

/** The paper's search: 30 epochs of CIFAR in batches of 128. */
const PAPER_STEPS = 11_730
const EPOCHS = 30

/** Errors: ARCHLOOM_OPTION. */
export function resolve(options: SearchOptions) {
  const { data, batchSize: most = 128, learningRate = 0.001, lambda = 0.1, weightDecay = 1e-4, target } = options
  const batchSize = Math.max(1, Math.min(most, data.size))
  const steps = options.steps ?? EPOCHS * Math.max(1, Math.floor(data.size / batchSize))
  const thresholdLearningRate = options.thresholdLearningRate ?? (0.001 * PAPER_STEPS) / steps
  const positive = (x: number) => x > 0 && Number.isFinite(x)
  const whole = (x: number) => Number.isInteger(x) && x > 0
  check('batchSize', most, whole, 'a positive whole number')
  check('steps', steps, whole, 'a positive whole number')
  check('learningRate', learningRate, positive, 'a positive number')
  check('thresholdLearningRate', thresholdLearningRate, positive, 'a positive number')
  check('lambda', lambda, (x) => x >= 0 && Number.isFinite(x), 'a number of at least 0')
  check('weightDecay', weightDecay, (x) => x >= 0 && Number.isFinite(x), 'a number of at least 0')
  return { data, batchSize, steps, learningRate, thresholdLearningRate, lambda, weightDecay, target: target?.bops }
}

/** How fast λ changes: by a factor of e⁸ per search for every factor of e between share and target. */
const FOLLOW = 8

/** The state of the cost after a step. */
export interface CostControl {
  /** λ before the step, even if the cost had no weight. */
  readonly lambda: number
  /** λ at the start. */
  readonly start: number
  /** ln of the share of full-precision BOPs with the present gates, and its value in the first step. */
  readonly logShare: number
  readonly firstLogShare: number
  readonly step: number
  readonly steps: number
  readonly target: number | undefined
}

/**
 * λ after a step, and the weight of the cost in the next step. The intermediate target falls geometrically from the
 * first share to the requested one over the first half of the search. λ is multiplied by e^(8/steps · ln(R / target)),
 * within a hundredth and a hundred times its initial value. Below the target the cost has no weight, so that gates are
 * not pushed further.
 */
export function nextLambda({ lambda, start, logShare, firstLogShare, step, steps, target }: CostControl): {
  readonly lambda: number
  readonly weight: number
} {
  if (target === undefined) return { lambda, weight: lambda }
  const way = Math.min(1, (2 * step) / steps)
  const aim = Math.min(firstLogShare, firstLogShare + way * (Math.log(target) - firstLogShare))
  const next = Math.min(Math.max(lambda * Math.exp((FOLLOW / steps) * (logShare - aim)), start / 100), start * 100)
  return { lambda: next, weight: logShare > aim ? next : 0 }
}
