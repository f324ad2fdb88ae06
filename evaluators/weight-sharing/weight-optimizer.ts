import type { Optimizer } from '@tensorflow/tfjs-core'
import { type ApplyMode, type OptimizerFactory, tokens } from '../../core/index.ts'
import { number, type OptionsOf, options } from '../../core/options/index.ts'
import { momentum } from '../../core/tensor/index.ts'

/** An optimizer, with an optional callback that receives the inputs of each linear layer in the forward pass. */
export interface TappingOptimizer {
  readonly optimizer: Optimizer
  readonly tap?: NonNullable<ApplyMode['tap']>
  /** Metrics of the optimizer after a step, which are added to the step's loss and accuracy. */
  readonly metrics?: () => Readonly<Record<string, number>>
}

/** Makes the optimizer of shared weights; `steps` is the number of weight steps of the whole search. */
export type TappingOptimizerFactory = (steps: number) => TappingOptimizer

/** Changes how a method's weights are updated, whatever the method's own optimizer is. */
export type WeightOptimizer = (own: OptimizerFactory) => TappingOptimizerFactory

/** The token that a plugin with the capability `weight-optimizer` binds. */
export const WEIGHT_OPTIMIZER = tokens.token<WeightOptimizer>('weight-optimizer')

/** Turns a plain factory into a tapping one; an optimizer with its own `tap` keeps it. */
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
  learningRate: number({ above: 0, default: 0.01, doc: 'Learning rate of the shared weights, constant.' }),
  momentum: number({
    min: 0,
    below: 1,
    default: 0.9,
    doc: "Momentum of the shared weights' SGD, with Nesterov's look-ahead.",
  }),
  weightDecay: number({ min: 0, default: 3e-4, doc: 'L2 penalty on kernels.' }),
}
const declared = options('sharedSgd', sharedSgdFields)
export type SharedSgdOptions = OptionsOf<typeof declared>

/** The optimizer of shared weights of most one-shot methods. A step updates and decays only the weights on its path. */
export function sharedSgd(given: SharedSgdOptions = {}): OptimizerFactory {
  const read = declared.read(given)
  return () => momentum({ ...read, nesterov: true, decays: (variable) => variable.rank > 1 })
}
