import * as tf from '@tensorflow/tfjs-core'

/**
 * Kernels of the cpu backend that serve `backendName`: inputs are read, the result is written back. For what an engine
 * lacks or has wrong, and no training step should meet often.
 */
export function fallBackToCpu(backendName: string, kernelNames: readonly string[]): void {
  for (const kernelName of kernelNames) {
    const cpuKernel = tf.getKernel(kernelName, 'cpu')
    if (!cpuKernel) continue
    if (tf.getKernel(kernelName, backendName)) tf.unregisterKernel(kernelName, backendName)
    tf.registerKernel({ kernelName, backendName, kernelFunc: (call) => runOnCpu(cpuKernel, backendName, call) })
  }
}

type Call = Parameters<tf.KernelConfig['kernelFunc']>[0]
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
  // Some kernels take lists of tensors under one name.
  const entered = Object.entries(inputs as Record<string, tf.TensorInfo | tf.TensorInfo[] | undefined>).map(
    ([name, input]) => [name, Array.isArray(input) ? input.map(enter) : input && enter(input)],
  )
  const result = kernelFunc({ inputs: Object.fromEntries(entered), attrs: attrs as tf.NamedAttrMap, backend: cpu })
  const outputs = Array.isArray(result) ? result : [result]
  const returned = outputs.map((output) => move(cpu, engine, output))
  for (const { dataId } of [...moved, ...outputs]) cpu.disposeData(dataId)
  return Array.isArray(result) ? returned : (returned[0] as tf.TensorInfo)
}
