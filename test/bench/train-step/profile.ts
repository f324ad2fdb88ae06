import * as tf from '@tensorflow/tfjs-core'

/** Processor time of this process in milliseconds: on one thread, what else the machine does is left out. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Wraps every kernel of the current engine with a clock. */
export function profileKernels(): () => Record<string, { ms: number; calls: number }> {
  const totals: Record<string, { ms: number; calls: number }> = {}
  const backendName = tf.getBackend()
  let inside = 0
  for (const { kernelName, kernelFunc, ...rest } of tf.getKernelsForBackend(backendName)) {
    tf.unregisterKernel(kernelName, backendName)
    tf.registerKernel({
      ...rest,
      kernelName,
      backendName,
      kernelFunc: (call) => {
        // Kernels that call others: only the outermost counts.
        if (inside > 0) return kernelFunc(call)
        inside++
        const before = performance.now()
        try {
          return kernelFunc(call)
        } finally {
          inside--
          const total = totals[kernelName] ?? { ms: 0, calls: 0 }
          totals[kernelName] = total
          total.ms += performance.now() - before
          total.calls++
        }
      },
    })
  }
  return () => totals
}
