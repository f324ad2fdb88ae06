/** One engine in a process of its own: answers each { net, steps } with the milliseconds of each step. */
import * as tf from '@tensorflow/tfjs-core'
import { useEngine } from '../../../core/tensor/index.ts'
import { start as startOnnxRuntime } from '../../../plugins/onnxruntime/start.ts'
import { nets } from './nets.ts'
import { processorTime, profileKernels } from './profile.ts'
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

const [engine = 'onnxruntime', threads = '1', clock = 'wall'] = process.argv.slice(2)
const now = clock === 'processor' ? processorTime : () => performance.now()
const steps = new Map<string, () => number>()

async function main(): Promise<void> {
  if (engine === 'onnxruntime') {
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
      const before = now()
      loss = step()
      times.push(now() - before)
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
