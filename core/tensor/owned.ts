import * as tf from '@tensorflow/tfjs-core'

export interface Owned<T extends tf.TensorContainer> extends Disposable {
  readonly value: T
}

/**
 * Makes tensors (in any nesting of arrays and objects) usable with `using`: every tidy keeps them, and they are
 * disposed at the end of the block.
 */
export function owned<T extends tf.TensorContainer>(value: T): Owned<T> {
  const tensors = tf.tensor_util.getTensorsInContainer(value)
  for (const tensor of tensors) tf.keep(tensor)
  return {
    value,
    [Symbol.dispose]: () => {
      for (const tensor of tensors) if (!tensor.isDisposed) tensor.dispose()
    },
  }
}
