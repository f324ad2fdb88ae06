import * as tf from '@tensorflow/tfjs-core'
import { clipByGlobalNorm } from './optimizers.ts'

export interface TrainStepOptions {
  readonly variables: readonly tf.Variable[]
  readonly optimizer: tf.Optimizer
  /** The loss of this batch; every tensor it makes is disposed. Must be synchronous. */
  readonly loss: () => tf.Scalar
  /** Gradients are scaled down to this global L2 norm. */
  readonly clipNorm?: number
}

export interface TrainStepResult {
  /** NaN: loss or gradients were not finite, and no weight was changed. */
  readonly loss: number
  /** Global L2 norm before clipping; only with `clipNorm`. */
  readonly gradientNorm?: number
}

/** One gradient step in exactly one synchronous tidy. */
export function trainStep(options: TrainStepOptions): TrainStepResult {
  const { optimizer, clipNorm } = options
  return tf.tidy(() => {
    const { value, grads } = gradientsOf(options)
    const loss = value.dataSync()[0] as number
    if (!Number.isFinite(loss)) return { loss: Number.NaN }
    if (clipNorm === undefined) {
      optimizer.applyGradients(grads)
      return { loss }
    }
    const { gradients, norm } = clipByGlobalNorm(grads, clipNorm)
    const gradientNorm = norm.dataSync()[0] as number
    if (!Number.isFinite(gradientNorm)) return { loss: Number.NaN, gradientNorm }
    optimizer.applyGradients(gradients)
    return { loss, gradientNorm }
  })
}

function gradientsOf({ variables, loss }: TrainStepOptions): { value: tf.Scalar; grads: tf.NamedTensorMap } {
  try {
    const { value, grads } = tf.variableGrads(loss, [...variables])
    // Variables that are not trainable come back as null.
    return { value, grads: Object.fromEntries(Object.entries(grads).filter(([, gradient]) => gradient != null)) }
  } catch (thrown) {
    abandonTape()
    throw thrown
  }
}

/** A loss that throws leaves the tape's saved tensors behind, out of any scope: tfjs frees them only after a backward pass. */
function abandonTape(): void {
  const { state } = tf.engine()
  if (state.gradientDepth > 0) return
  for (const node of state.activeTape ?? []) for (const tensor of node.saved ?? []) tensor.dispose()
  state.activeTape = []
}
