import * as tf from '@tensorflow/tfjs-core'
import { copiedArrays, type LoopArrays, type LoopMemory } from './double-loops.ts'

interface ReadableBackend {
  readonly data?: { get?(dataId: object): { readonly values?: unknown } | undefined }
}

/** The engine's own array, if it keeps one in this process. */
function ownValues(x: tf.Tensor): Float32Array | undefined {
  const values = (tf.backend() as unknown as ReadableBackend).data?.get?.(x.dataId)?.values
  return values instanceof Float32Array && values.length === x.size ? values : undefined
}

/** A tensor's values, without a copy if the engine allows it. Read them at once and do not change them. */
export const valuesOf = (x: tf.Tensor): Float32Array => ownValues(x) ?? (x.dataSync() as Float32Array)

/** An engine whose float tensors are in one WebAssembly memory may give other loops access to them. */
interface SharingBackend {
  /** Tensors of one shape with the same order of values, and a new tensor with that order. */
  inOneOrder?(tensors: readonly tf.TensorInfo[]): Shared | undefined
}

interface Shared {
  readonly memory: LoopMemory
  readonly inputs: readonly Float32Array[]
  readonly output: Float32Array
  readonly result: tf.TensorInfo
}

export interface TensorLoop {
  readonly arrays: LoopArrays
  /** The output of the loop as a tensor with the shape of the inputs. Call it once. */
  readonly result: () => tf.Tensor
}

/** Tensors of one shape for elementwise loops: in the engine's memory if it allows this, else as copies. */
export function loopArrays(tensors: readonly tf.Tensor[]): TensorLoop {
  const shared = (tf.backend() as SharingBackend).inOneOrder?.(tensors)
  if (shared) return { arrays: shared, result: () => tf.engine().makeTensorFromTensorInfo(shared.result) }
  const arrays = copiedArrays(tensors.map(valuesOf))
  return { arrays, result: () => tensorOf(arrays.output, (tensors[0] as tf.Tensor).shape) }
}

/** Makes a tensor of values in memory that will be overwritten. They are copied once, by the engine or here. */
function tensorOf(view: Float32Array, shape: readonly number[]): tf.Tensor {
  const made = tf.tensor(view, [...shape], 'float32')
  const own = ownValues(made)
  if (own && own.buffer !== view.buffer) return made
  made.dispose()
  return tf.tensor(view.slice(), [...shape], 'float32')
}
