import * as tf from '@tensorflow/tfjs-core'
import type { StepOptimizer } from '../../core/tensor/index.ts'

/** Two optimizers: one for weights, and one for the variables that decide bits and filters. */
export class PairedOptimizer extends tf.Optimizer {
  constructor(
    private readonly weights: StepOptimizer,
    private readonly deciding: StepOptimizer,
    /** Names of the variables of the second optimizer. */
    private readonly names: ReadonlySet<string>,
  ) {
    super()
  }

  override applyGradients(gradients: tf.NamedTensorMap | { name: string; tensor: tf.Tensor }[]): void {
    const all = Array.isArray(gradients)
      ? gradients.map(({ name, tensor }) => [name, tensor] as const)
      : Object.entries(gradients)
    const part = (deciding: boolean) => Object.fromEntries(all.filter(([name]) => this.names.has(name) === deciding))
    this.weights.applyGradients(part(false))
    this.deciding.applyGradients(part(true))
  }

  override dispose(): void {
    this.weights.dispose()
    this.deciding.dispose()
  }

  getConfig(): tf.serialization.ConfigDict {
    return {}
  }
}
