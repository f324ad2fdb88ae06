import * as tf from '@tensorflow/tfjs-core'

interface Sum {
  ms: number
  calls: number
}

/**
 * Where the time of a step goes if nothing disturbs it: every call of a kernel counts with its fastest of all rounds, and
 * so does the time between two calls.
 */
export function fastestCalls(step: () => unknown, rounds: number): { kernels: Map<string, Sum>; between: number } {
  const backendName = tf.getBackend()
  const [names, inside, between]: [string[], number[], number[]] = [[], [], []]
  const fastest = (list: number[], at: number, ms: number) => {
    list[at] = Math.min(list[at] ?? Number.POSITIVE_INFINITY, ms)
  }
  let [depth, at, ended] = [0, 0, 0]
  for (const { kernelName, kernelFunc, ...rest } of tf.getKernelsForBackend(backendName)) {
    tf.unregisterKernel(kernelName, backendName)
    tf.registerKernel({
      ...rest,
      kernelName,
      backendName,
      kernelFunc: (call) => {
        // Kernels that call others: only the outermost counts.
        if (depth > 0) return kernelFunc(call)
        depth++
        const began = performance.now()
        fastest(between, at, began - ended)
        try {
          return kernelFunc(call)
        } finally {
          depth--
          ended = performance.now()
          fastest(inside, at, ended - began)
          names[at++] = kernelName
        }
      },
    })
  }
  for (let round = 0; round < rounds; round++) {
    at = 0
    ended = performance.now()
    step()
  }
  const kernels = new Map<string, Sum>()
  names.forEach((name, i) => {
    const sum = kernels.get(name) ?? { ms: 0, calls: 0 }
    kernels.set(name, { ms: sum.ms + inside[i]!, calls: sum.calls + 1 })
  })
  return { kernels, between: between.reduce((a, b) => a + b, 0) }
}
