import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../options/index.ts'
import { clipByGlobalNorm } from './optimizers.ts'

export interface TrainStepOptions {
  readonly variables: readonly tf.Variable[]
  readonly optimizer: tf.Optimizer
  /** The loss of this batch; every tensor it makes is disposed. Must be synchronous. */
  readonly loss: () => tf.Scalar
  /** Gradients are scaled down to this global L2 norm. */
  readonly clipNorm?: number
}

// A type, not an interface: tfjs's tidy lets plain objects through, and interfaces do not count as such.
export type TrainStepResult = {
  /** NaN: loss or gradients were not finite, and no weight was changed. */
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

/** One gradient step in exactly one synchronous tidy. For engines that can be read synchronously: all but GPUs. */
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
 * The same step for any engine: the loss is awaited between two tidies, and no scope is held meanwhile. Nothing else
 * may touch the variables before it resolves.
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
    // Variables that are not trainable come back as null.
    const present = Object.entries(grads).filter(([, gradient]) => gradient != null)
    return { value, grads: Object.fromEntries(present) as tf.NamedTensorMap }
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
