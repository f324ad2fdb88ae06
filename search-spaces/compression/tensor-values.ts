import * as tf from '@tensorflow/tfjs-core'

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

/** A tensor of values in memory that will be written again: copied once, by the engine or here. */
export function tensorOf(view: Float32Array, shape: readonly number[]): tf.Tensor {
  const made = tf.tensor(view, [...shape], 'float32')
  const own = ownValues(made)
  if (own && own.buffer !== view.buffer) return made
  made.dispose()
  return tf.tensor(view.slice(), [...shape], 'float32')
}
