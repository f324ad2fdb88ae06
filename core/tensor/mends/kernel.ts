import * as tf from '@tensorflow/tfjs-core'

export type Call = Parameters<tf.KernelConfig['kernelFunc']>[0]
export type KernelFunc = tf.KernelConfig['kernelFunc']

/**
 * Replaces a kernel of the engine; the replacement receives the engine's own kernel. Does nothing if the engine has no
 * such kernel.
 */
export function replaceKernel(
  backendName: string,
  kernelName: string,
  make: (own: KernelFunc) => (call: Call) => tf.TensorInfo | tf.TensorInfo[],
): void {
  const own = tf.getKernel(kernelName, backendName)
  if (!own) return
  tf.unregisterKernel(kernelName, backendName)
  // Kernels of wasm look up their functions when they are registered.
  tf.registerKernel({ ...own, kernelFunc: make(own.kernelFunc) })
}

export const inputOf = ({ inputs }: Call, name: string): tf.TensorInfo => inputs[name] as tf.TensorInfo
export const sizeOf = ({ shape }: tf.TensorInfo): number => tf.util.sizeFromShape(shape)

interface Storage {
  readSync(dataId: object): ArrayLike<number>
  write(values: tf.TypedArray, shape: number[], dtype: tf.DataType): object
}

/** The values of a tensor. Do not change them: some engines return their own memory. */
export const valuesOf = ({ backend }: Call, { dataId }: tf.TensorInfo): ArrayLike<number> =>
  (backend as Storage).readSync(dataId)

export const tensorOf = (
  { backend }: Call,
  values: tf.TypedArray,
  shape: readonly number[],
  dtype: tf.DataType = 'float32',
): tf.TensorInfo => ({
  dataId: (backend as Storage).write(values, [...shape], dtype),
  shape: [...shape],
  dtype,
})

/**
 * Whether any value is NaN or infinite. Four independent sums are faster than one, which would wait for each addition.
 */
export function hasNonFinite(values: ArrayLike<number>): boolean {
  const { length } = values
  let [a, b, c, d] = [0, 0, 0, 0]
  const whole = length - (length % 4)
  for (let i = 0; i < whole; i += 4) {
    a += values[i]! * 0
    b += values[i + 1]! * 0
    c += values[i + 2]! * 0
    d += values[i + 3]! * 0
  }
  for (let i = whole; i < length; i++) a += values[i]! * 0
  return Number.isNaN(a + b + c + d)
}
