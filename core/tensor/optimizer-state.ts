import * as tf from '@tensorflow/tfjs-core'
import { error } from './errors.ts'
import type { VariableScope, WeightRecord } from './scope.ts'

/**
 * Saves the state of an optimizer as plain records. An optimizer names its tensors after variables, whose names are
 * valid in one process only. The records are named by path in the scope, as in 'conv/kernel/velocity', so another
 * process can load them.
 * @param scope The root scope of the network it trains.
 */
export async function saveOptimizer(scope: VariableScope, optimizer: tf.Optimizer): Promise<readonly WeightRecord[]> {
  const state = await optimizer.getWeights()
  try {
    const values = await Promise.all(state.map(({ tensor }) => tensor.data()))
    const prefix = `${scope.id}/`
    return state.map(({ name, tensor }, i) => ({
      name: name.startsWith(prefix) ? name.slice(prefix.length) : name,
      shape: [...tensor.shape],
      data: Float32Array.from(values[i] as Float32Array),
    }))
  } finally {
    tf.dispose(state.map(({ tensor }) => tensor))
  }
}

/**
 * Restores the records of `saveOptimizer` for the same network in this process.
 * @throws ARCHLOOM_WEIGHTS_UNEXPECTED when a record belongs to no variable of the scope.
 */
export async function loadOptimizer(
  scope: VariableScope,
  optimizer: tf.Optimizer,
  records: readonly WeightRecord[],
): Promise<void> {
  const paths = new Set(scope.list().map(({ path }) => path))
  const variableOf = (name: string) => name.slice(0, name.lastIndexOf('/'))
  const isOwn = (name: string) => !name.includes('/') || paths.has(variableOf(name))
  const unexpected = records.flatMap(({ name }) => (isOwn(name) ? [] : [name]))
  if (unexpected.length > 0) throw error('ARCHLOOM_WEIGHTS_UNEXPECTED', { unexpected })
  const state = records.map(({ name, shape, data }) => ({
    name: name.includes('/') ? `${scope.id}/${name}` : name,
    tensor: tf.tensor(Float32Array.from(data), [...shape]) as tf.Tensor,
  }))
  try {
    await optimizer.setWeights(state)
  } finally {
    tf.dispose(state.map(({ tensor }) => tensor))
  }
}
