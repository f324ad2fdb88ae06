import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../options/index.ts'
import { clipByGlobalNorm } from './optimizers.ts'

export interface TrainStepOptions {
  readonly variables: readonly tf.Variable[]
  readonly optimizer: tf.Optimizer
  /** Computes the loss of this batch; every tensor it makes is disposed. It must be synchronous. */
  readonly loss: () => tf.Scalar
  /** Gradients are scaled down to this global L2 norm. */
  readonly clipNorm?: number
}

// A type, because the tidy of tfjs accepts plain object types but not interfaces.
export type TrainStepResult = {
  /** NaN if the loss or gradients were not finite; no weight was changed then. */
  readonly loss: number
  /** Global L2 norm before clipping; only with `clipNorm`. */
  readonly gradientNorm?: number
}

const trainStepNames = optionNames<TrainStepOptions>('trainStep', {
  variables: true,
  optimizer: true,
  loss: true,
  clipNorm: true,
})

/** One gradient step in one synchronous tidy, for engines that can be read synchronously (all but GPUs). */
export function trainStep(options: TrainStepOptions): TrainStepResult {
  trainStepNames(options)
  return tf.tidy(() => {
    const { gradients, measured } = gradientsOf(options)
    const result = resultOf(measured.dataSync())
    if (Number.isFinite(result.loss)) options.optimizer.applyGradients(gradients)
    return result
  })
}

const trainStepAsyncNames = optionNames<TrainStepOptions>('trainStepAsync', {
  variables: true,
  optimizer: true,
  loss: true,
  clipNorm: true,
})

/**
 * The same step for any engine. The loss is awaited between two tidies, so no scope is held meanwhile. Nothing else
 * may change the variables before the promise resolves.
 */
export async function trainStepAsync(options: TrainStepOptions): Promise<TrainStepResult> {
  trainStepAsyncNames(options)
  const { gradients, measured } = tf.tidy(() => gradientsOf(options))
  try {
    const result = resultOf(await measured.data())
    if (Number.isFinite(result.loss)) tf.tidy(() => options.optimizer.applyGradients(gradients))
    return result
  } finally {
    tf.dispose([gradients, measured])
  }
}

interface Gradients {
  readonly gradients: tf.NamedTensorMap
  /** [loss], or [loss, norm of the gradients]. */
  readonly measured: tf.Tensor1D
}

function gradientsOf({ variables, loss, clipNorm }: TrainStepOptions): Gradients & tf.TensorContainerObject {
  const { value, grads } = differentiate(loss, variables)
  if (clipNorm === undefined) return { gradients: grads, measured: tf.reshape(value, [1]) }
  const { gradients, norm } = clipByGlobalNorm(grads, clipNorm)
  return { gradients, measured: tf.stack([value, norm]) as tf.Tensor1D }
}

function resultOf([loss = Number.NaN, gradientNorm]: ArrayLike<number> & Iterable<number>): TrainStepResult {
  if (gradientNorm === undefined) return { loss: Number.isFinite(loss) ? loss : Number.NaN }
  const finite = Number.isFinite(loss) && Number.isFinite(gradientNorm)
  return { loss: finite ? loss : Number.NaN, gradientNorm }
}

function differentiate(loss: () => tf.Scalar, variables: readonly tf.Variable[]) {
  try {
    const { value, grads } = tf.variableGrads(loss, [...variables])
    // Variables that are not trainable are returned as null.
    const present = Object.entries(grads).filter(([, gradient]) => gradient != null)
    return { value, grads: Object.fromEntries(present) as tf.NamedTensorMap }
  } catch (thrown) {
    abandonTape()
    throw thrown
  }
}

/** Disposes the tensors that the tape saved for a loss that threw; tfjs disposes them only after a backward pass. */
function abandonTape(): void {
  const { state } = tf.engine()
  if (state.gradientDepth > 0) return
  for (const node of state.activeTape ?? []) for (const tensor of node.saved ?? []) tensor.dispose()
  state.activeTape = []
}
