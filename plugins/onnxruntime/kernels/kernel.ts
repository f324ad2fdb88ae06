import * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'

type Inputs = Readonly<Record<string, tf.TensorInfo>>

/** What a kernel receives: the tensors by name, its attributes, and the backend. */
export interface Call<A = Readonly<Record<string, never>>> {
  readonly inputs: Inputs
  readonly attrs: A
  readonly backend: OnnxRuntimeBackend
}

/** Returns undefined for what it does not cover (a dtype, a layout): the cpu kernel of that name runs instead. */
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
        if (!cpu) throw new Error(`kernel ${kernelName} does not cover this call, and the cpu engine has none`)
        return cpu.kernelFunc(given)
      },
    })
  }
}

/** The tensor of a name, which tfjs promises to be there. */
export const input = (inputs: Inputs, name: string): tf.TensorInfo => inputs[name] as tf.TensorInfo
/** Whether all given tensors are float32. */
export const floats = (...tensors: (tf.TensorInfo | undefined)[]): boolean =>
  tensors.every((tensor) => tensor === undefined || tensor.dtype === 'float32')
