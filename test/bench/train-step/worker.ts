/** One engine in a process of its own: answers each { net, steps } with the milliseconds of each step. */
import * as tf from '@tensorflow/tfjs-core'
import { useEngine } from '../../../core/tensor/index.ts'
import { start as startOnnxRuntime } from '../../../plugins/onnxruntime/start.ts'
import { nets } from './nets.ts'
import { startStockWasm } from './stock-wasm.ts'

export interface Request {
  readonly net: string
  readonly steps: number
  readonly profile?: boolean
}
export interface Answer {
  readonly times: readonly number[]
  readonly loss: number
  /** Milliseconds a step spent in each kernel, with how often it ran; only when profiled. */
  readonly kernels?: Readonly<Record<string, { readonly ms: number; readonly calls: number }>>
}

const [engine = 'onnxruntime', threads = '1'] = process.argv.slice(2)
const steps = new Map<string, () => number>()

/** Wraps every kernel of the current engine with a clock. */
function profileKernels(): () => Record<string, { ms: number; calls: number }> {
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

async function main(): Promise<void> {
  if (engine === 'onnxruntime') {
    process.env.ARCHLOOM_THREADS = threads
    startOnnxRuntime({ threads: Number(threads) })
    tf.enableProdMode()
    await tf.setBackend('onnxruntime')
  } else if (engine === 'wasm-stock') await startStockWasm()
  else await useEngine(engine)

  process.on('message', ({ net, steps: count, profile }: Request) => {
    const step = steps.get(net) ?? nets[net]?.()
    if (!step) throw new Error(`no net is called ${net}`)
    steps.set(net, step)
    const totals = profile ? profileKernels() : undefined
    const times: number[] = []
    let loss = Number.NaN
    for (let i = 0; i < count; i++) {
      const before = performance.now()
      loss = step()
      times.push(performance.now() - before)
    }
    const kernels = totals?.()
    if (kernels)
      for (const total of Object.values(kernels)) {
        total.ms /= count
        total.calls /= count
      }
    process.send?.({ times, loss, ...(kernels && { kernels }) } satisfies Answer)
  })
  process.send?.({ times: [], loss: 0 } satisfies Answer)
}

await main()
