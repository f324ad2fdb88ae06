import * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'
import { error } from '../errors.ts'

type Inputs = Readonly<Record<string, tf.TensorInfo>>

/** What a kernel receives: the tensors by name, its attributes, and the backend. */
export interface Call<A = Readonly<Record<string, never>>> {
  readonly inputs: Inputs
  readonly attrs: A
  readonly backend: OnnxRuntimeBackend
}

/** Returns undefined for cases that it does not cover (a dtype, a layout); the cpu kernel of that name runs instead. */
export type Kernel<A> = (call: Call<A>) => tf.TensorInfo | tf.TensorInfo[] | undefined

/** Kernels by name. Attributes are typed by each kernel; tfjs checks them in its operations. */
export type KernelTable = Readonly<Record<string, Kernel<never>>>

/** Replaces kernels of the backend, keeping the cpu kernel underneath. */
export function register(backendName: string, table: KernelTable): void {
  for (const [kernelName, ours] of Object.entries(table)) {
    const cpu = tf.getKernel(kernelName, 'cpu')
    if (tf.getKernel(kernelName, backendName)) tf.unregisterKernel(kernelName, backendName)
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: (given) => {
        const call = given as unknown as Call<never>
        const output = ours(call)
        if (output !== undefined) return output
        if (!cpu)
          throw error('ARCHLOOM_ONNXRUNTIME_KERNEL', { kernel: kernelName, inputs: describe(given.inputs as Inputs) })
        return call.backend.memoryPool.keeping(() => cpu.kernelFunc(given))
      },
    })
  }
}

/**
 * Registers the kernels of the cpu backend. Some of them (Fourier transforms) read the arrays of tensors that they have
 * disposed of, so no block that one of them releases is used again before it has ended.
 */
export function registerCpuKernels(backendName: string): void {
  for (const { kernelName, kernelFunc, setupFunc, disposeFunc } of tf.getKernelsForBackend('cpu'))
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: (given) =>
        (given as unknown as Call<never>).backend.memoryPool.keeping(() => kernelFunc(given)) as ReturnType<
          typeof kernelFunc
        >,
      ...(setupFunc && { setupFunc }),
      ...(disposeFunc && { disposeFunc }),
    })
}

const describe = (inputs: Inputs): string[] =>
  Object.entries(inputs).map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(', ')}]`)

/** Kernels that accept only float32 and have no kernel of the cpu engine to fall back to. */
export const onlyFloats = (table: KernelTable): KernelTable =>
  Object.fromEntries(
    Object.entries(table).map(([name, kernel]) => [
      name,
      (call: Call<never>) => (floats(...Object.values(call.inputs)) ? kernel(call) : undefined),
    ]),
  )

/** The tensor of a name, which tfjs guarantees to exist. */
export const input = (inputs: Inputs, name: string): tf.TensorInfo => inputs[name] as tf.TensorInfo
/** Whether all given tensors are float32. */
export const floats = (...tensors: (tf.TensorInfo | undefined)[]): boolean =>
  tensors.every((tensor) => tensor === undefined || tensor.dtype === 'float32')
