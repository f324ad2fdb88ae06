import type { Optimizer } from '@tensorflow/tfjs-core'
import { type ApplyMode, type OptimizerFactory, tokens } from '../../core/index.ts'
import { number, type OptionsOf, options } from '../../core/options/index.ts'
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

export const sharedSgdFields = {
  /** Of the shared weights, constant. Default 0.01. */
  learningRate: number({ above: 0, default: 0.01 }),
  /** Of the shared weights' SGD, with Nesterov's look-ahead. Default 0.9. */
  momentum: number({ min: 0, below: 1, default: 0.9 }),
  /** L2 penalty on kernels. Default 3e-4. */
  weightDecay: number({ min: 0, default: 3e-4 }),
}
const declared = options('sharedSgd', sharedSgdFields)
export type SharedSgdOptions = OptionsOf<typeof declared>

/** The optimizer of shared weights of most one-shot methods: only what lies on a step's path is moved or decays. */
export function sharedSgd(given: SharedSgdOptions = {}): OptimizerFactory {
  const read = declared.read(given)
  return () => momentum({ ...read, nesterov: true, decays: (variable) => variable.rank > 1 })
}
