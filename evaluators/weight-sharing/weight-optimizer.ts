import type { Optimizer } from '@tensorflow/tfjs-core'
import { type ApplyMode, type OptimizerFactory, tokens } from '../../core/index.ts'
import { momentum } from '../../core/tensor/index.ts'

/** An optimizer, and what it wants to see of each linear layer while a batch passes through. */
export interface TappingOptimizer {
  readonly optimizer: Optimizer
  readonly tap?: NonNullable<ApplyMode['tap']>
  /** What it has to say after a step; joins the step's loss and accuracy. */
  readonly metrics?: () => Readonly<Record<string, number>>
}

/** Makes the optimizer of shared weights; `steps` is the whole search's number of weight steps. */
export type TappingOptimizerFactory = (steps: number) => TappingOptimizer

/** Changes how a method's weights are updated, whatever the method's own optimizer is. */
export type WeightOptimizer = (own: OptimizerFactory) => TappingOptimizerFactory

/** What a plugin that provides the capability `weight-optimizer` binds. */
export const WEIGHT_OPTIMIZER = tokens.token<WeightOptimizer>('weight-optimizer')

/** A plain factory as a tapping one; an optimizer that has a `tap` itself keeps it. */
export const tapping =
  (factory: OptimizerFactory): TappingOptimizerFactory =>
  (steps) => {
    const optimizer: Optimizer & Omit<TappingOptimizer, 'optimizer'> = factory(steps)
    return {
      optimizer,
      ...(optimizer.tap && { tap: (use) => optimizer.tap?.(use) }),
      ...(optimizer.metrics && { metrics: () => optimizer.metrics?.() ?? {} }),
    }
  }

export interface SharedSgdOptions {
  /** Default 0.01, constant. */
  readonly learningRate?: number
  /** Default 0.9, with Nesterov's look-ahead. */
  readonly momentum?: number
  /** Default 3e-4, on kernels. */
  readonly weightDecay?: number
}

/** The optimizer of shared weights of most one-shot methods: only what lies on a step's path is moved or decays. */
export const sharedSgd =
  (options: SharedSgdOptions = {}): OptimizerFactory =>
  () =>
    momentum({
      learningRate: options.learningRate ?? 0.01,
      momentum: options.momentum ?? 0.9,
      nesterov: true,
      weightDecay: options.weightDecay ?? 3e-4,
      decays: (variable) => variable.rank > 1,
    })
