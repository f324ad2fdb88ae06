import * as tf from '@tensorflow/tfjs-core'
import { copiedArrays, type LoopArrays, type LoopMemory } from './double-loops.ts'

interface ReadableBackend {
  readonly data?: { get?(dataId: object): { readonly values?: unknown } | undefined }
}

/** The engine's own array, where it keeps one in this process. */
function ownValues(x: tf.Tensor): Float32Array | undefined {
  const values = (tf.backend() as unknown as ReadableBackend).data?.get?.(x.dataId)?.values
  return values instanceof Float32Array && values.length === x.size ? values : undefined
}

/** A tensor's values, without a copy where the engine allows: read them at once, change nothing. */
export const valuesOf = (x: tf.Tensor): Float32Array => ownValues(x) ?? (x.dataSync() as Float32Array)

/** An engine whose float tensors lie in one WebAssembly memory may offer them to loops of others. */
interface SharingBackend {
  /** Tensors of one shape in one order of their values, and a new one in that order. */
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
  /** What the loop has written, as a tensor of the inputs' shape: ask once. */
  readonly result: () => tf.Tensor
}

/** Tensors of one shape for loops that treat all values alike: where they lie if the engine allows, else as copies. */
export function loopArrays(tensors: readonly tf.Tensor[]): TensorLoop {
  const shared = (tf.backend() as SharingBackend).inOneOrder?.(tensors)
  if (shared) return { arrays: shared, result: () => tf.engine().makeTensorFromTensorInfo(shared.result) }
  const arrays = copiedArrays(tensors.map(valuesOf))
  return { arrays, result: () => tensorOf(arrays.output, (tensors[0] as tf.Tensor).shape) }
}

/** A tensor of values in memory that will be written again: copied once, by the engine or here. */
function tensorOf(view: Float32Array, shape: readonly number[]): tf.Tensor {
  const made = tf.tensor(view, [...shape], 'float32')
  const own = ownValues(made)
  if (own && own.buffer !== view.buffer) return made
  made.dispose()
  return tf.tensor(view.slice(), [...shape], 'float32')
}
