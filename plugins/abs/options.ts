import type { Clock, Random, Split } from '../../core/index.ts'
import { check } from './errors.ts'

/** Of every search: how long, how fast, how much costs count. */
export interface SearchOptions {
  readonly data: Split<'train'>
  /** Optimizer steps. Default 30 epochs, as in the paper. */
  readonly steps?: number
  /** Default 128. */
  readonly batchSize?: number
  /** Of weights and clips. Default 0.001. */
  readonly learningRate?: number
  /**
   * Of thresholds (or of the mixture, with several paths). Default: what covers the distance of the paper's 11,730 steps
   * at 0.001 in the steps that there are.
   */
  readonly thresholdRate?: number
  /** λ of CE + λ·ln R (eq. 17). Default 0.1; with `target` the value to start from. */
  readonly lambda?: number
  /**
   * Share of full-precision BOPs (32 × 32 bits, nothing pruned) to reach. It is approached over the first half of the
   * search: λ rises while the cost is above the way there, and falls and has no weight below it.
   */
  readonly target?: number
  /** L2 penalty of kernels. Default 1e-4; thresholds and clips have none. */
  readonly weightDecay?: number
  readonly rng: Random
  /** Times the search. */
  readonly clock?: Clock
  readonly signal?: AbortSignal
  readonly report?: (progress: SearchProgress) => void
}

export interface SearchProgress {
  readonly step: number
  readonly steps: number
  /** Loss with its cost term. */
  readonly loss: number
  readonly lambda: number
  /** Share of full-precision BOPs that the gates would use now. */
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
  const thresholdRate = options.thresholdRate ?? (0.001 * PAPER_STEPS) / steps
  const positive = (x: number) => x > 0 && Number.isFinite(x)
  const whole = (x: number) => Number.isInteger(x) && x > 0
  check('batchSize', most, whole, 'a positive whole number')
  check('steps', steps, whole, 'a positive whole number')
  check('learningRate', learningRate, positive, 'a positive number')
  check('thresholdRate', thresholdRate, positive, 'a positive number')
  check('lambda', lambda, (x) => x >= 0 && Number.isFinite(x), 'a number of at least 0')
  check('weightDecay', weightDecay, (x) => x >= 0 && Number.isFinite(x), 'a number of at least 0')
  return { data, batchSize, steps, learningRate, thresholdRate, lambda, weightDecay, target }
}

/** How far λ can follow in one search: e⁸ for every factor of e between share and target. */
const FOLLOW = 8

/** Where the search stands after a step. */
export interface CostControl {
  /** λ before the step, whether it was used or not. */
  readonly lambda: number
  /** λ at the start. */
  readonly start: number
  /** ln of the share of full-precision BOPs that the gates use, and what it was in the first step. */
  readonly logShare: number
  readonly firstLogShare: number
  readonly step: number
  readonly steps: number
  readonly target: number | undefined
}

/**
 * λ after a step, and the weight of the cost in the next one. The target falls geometrically from the first share to
 * the one asked for, over the first half of the search. λ follows the distance to it, e^(8/steps · ln(R / target)) times
 * as large, between a hundredth of the start and a hundred times it; below the target the cost has no weight at all, so
 * that gates are not pushed past it.
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
