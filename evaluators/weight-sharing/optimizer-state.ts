import * as tf from '@tensorflow/tfjs-core'
import type { SavedWeight, Supernet } from '../../core/index.ts'

/** State of an optimizer of shared weights, named by path in the supernet, so that another process can restore it. */
export interface SavedTensors {
  /** Number of weight steps taken. */
  readonly steps: number
  readonly tensors: readonly SavedWeight[]
}

type Trained = Pick<Supernet, 'trainable'>

/** The scope of a supernet: tfjs names a variable `<scope of this process>/<path>`. */
const scopeOf = (supernet: Trained) => {
  const name = supernet.trainable[0]?.name ?? ''
  return name.slice(0, name.indexOf('/') + 1)
}

export async function saveOptimizerOf(
  supernet: Trained,
  optimizer: tf.Optimizer,
  steps: number,
): Promise<SavedTensors> {
  const scope = scopeOf(supernet)
  const state = await optimizer.getWeights()
  try {
    const values = await Promise.all(state.map(({ tensor }) => tensor.data()))
    return {
      steps,
      tensors: state.map(({ name, tensor }, i) => ({
        name: name.startsWith(scope) ? `./${name.slice(scope.length)}` : name,
        shape: [...tensor.shape],
        data: Float32Array.from(values[i] as Float32Array),
      })),
    }
  } finally {
    tf.dispose(state.map(({ tensor }) => tensor))
  }
}

export async function loadOptimizerOf(supernet: Trained, optimizer: tf.Optimizer, saved: SavedTensors): Promise<void> {
  const scope = scopeOf(supernet)
  const state = saved.tensors.map(({ name, shape, data }) => ({
    name: name.startsWith('./') ? scope + name.slice(2) : name,
    tensor: tf.tensor(Float32Array.from(data), [...shape]) as tf.Tensor,
  }))
  try {
    await optimizer.setWeights(state)
  } finally {
    tf.dispose(state.map(({ tensor }) => tensor))
  }
}
