import * as tf from '@tensorflow/tfjs-core'
import { mendCpu } from './mends/pooling.ts'

/**
 * Makes a kernel of the cpu backend usable for tensors of `backendName`: inputs are copied over, the result is copied
 * back. Undefined if the cpu backend has no such kernel.
 */
export function kernelOfCpu(kernelName: string, backendName: string): tf.KernelConfig['kernelFunc'] | undefined {
  // Two of its kernels are put right first.
  mendCpu()
  const cpuKernel = tf.getKernel(kernelName, 'cpu')
  return cpuKernel && ((call) => runOnCpu(cpuKernel, backendName, call))
}

/**
 * Registers kernels of the cpu backend for `backendName`, in place of kernels that are missing or wrong there. They
 * are slow, so training steps should rarely need them.
 */
export function fallBackToCpu(backendName: string, kernelNames: readonly string[]): void {
  for (const kernelName of kernelNames) {
    const kernelFunc = kernelOfCpu(kernelName, backendName)
    if (!kernelFunc) continue
    if (tf.getKernel(kernelName, backendName)) tf.unregisterKernel(kernelName, backendName)
    tf.registerKernel({ kernelName, backendName, kernelFunc })
  }
}

/**
 * Lets the cpu backend compute those calls of the kernels of `backendName` for which `isForCpu` holds. Kernels that the
 * cpu backend lacks remain as they are.
 */
export function fallBackToCpuWhen(backendName: string, isForCpu: (kernelName: string, call: Call) => boolean): void {
  for (const kernel of tf.getKernelsForBackend(backendName)) {
    const { kernelName, kernelFunc: own } = kernel
    const ofCpu = kernelOfCpu(kernelName, backendName)
    if (!ofCpu) continue
    tf.unregisterKernel(kernelName, backendName)
    tf.registerKernel({
      ...kernel,
      kernelFunc: (call) => (isForCpu(kernelName, call) ? ofCpu(call) : own(call)),
    })
  }
}

/** The tensors that a kernel receives, also where it receives lists of them or optional ones. */
export const tensorsOf = ({ inputs }: Call): tf.TensorInfo[] =>
  Object.values(inputs as Record<string, tf.TensorInfo | tf.TensorInfo[] | undefined>)
    .flat()
    .filter((input) => input !== undefined && input !== null)

export type Call = Parameters<tf.KernelConfig['kernelFunc']>[0]
type Stored = Parameters<tf.KernelBackend['write']>[0]

function runOnCpu({ kernelFunc }: tf.KernelConfig, backendName: string, { inputs, attrs }: Call) {
  const [engine, cpu] = [tf.findBackend(backendName), tf.findBackend('cpu')]
  const moved: tf.TensorInfo[] = []
  const move = (from: tf.KernelBackend, to: tf.KernelBackend, { dataId, shape, dtype }: tf.TensorInfo) => ({
    dataId: to.write(from.readSync(dataId) as Stored, shape, dtype),
    shape,
    dtype,
  })
  const enter = (input: tf.TensorInfo): tf.TensorInfo => {
    const copy = move(engine, cpu, input)
    moved.push(copy)
    return copy
  }
  // Some kernels receive a list of tensors under one name.
  const entered = Object.entries(inputs as Record<string, tf.TensorInfo | tf.TensorInfo[] | undefined>).map(
    ([name, input]) => [name, Array.isArray(input) ? input.map(enter) : input && enter(input)],
  )
  // Others receive a plain list.
  const given = Array.isArray(inputs) ? entered.map(([, input]) => input) : Object.fromEntries(entered)
  const result = kernelFunc({ inputs: given, attrs: attrs as tf.NamedAttrMap, backend: cpu })
  const outputs = Array.isArray(result) ? result : [result]
  const returned = outputs.map((output) => move(cpu, engine, output))
  for (const { dataId } of [...moved, ...outputs]) cpu.disposeData(dataId)
  return Array.isArray(result) ? returned : (returned[0] as tf.TensorInfo)
}
