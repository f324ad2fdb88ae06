import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../core/options/index.ts'
import { currentEngine } from '../../core/tensor/index.ts'
import type { Network } from '../../core/trainer.ts'

export interface LatencyOptions {
  /** Images at once. Default 1. */
  readonly batch?: number
  /** Timed runs. Default 20. */
  readonly repeats?: number
  /** Runs before them, not timed. Default 5. */
  readonly warmUp?: number
  /** Milliseconds, monotonic. Default the process's. */
  readonly now?: () => number
}

export interface Latency {
  /** Median, of one batch. */
  readonly milliseconds: number
  /** Tenth and ninetieth part of the runs. */
  readonly low: number
  readonly high: number
  readonly batch: number
  readonly repeats: number
  /** What ran it: the tensor engine's name, or 'onnxruntime-node' for a file. */
  readonly engine: string
  /** Threads of one operation. */
  readonly threads: number
}

const timedNames = optionNames<LatencyOptions>('timed', { batch: true, repeats: true, warmUp: true, now: true })

/** Runs something again and again and takes the median. Error: ARCHLOOM_OPTION. */
export async function timed(
  run: () => Promise<void> | void,
  runner: Pick<Latency, 'engine' | 'threads'>,
  given: LatencyOptions = {},
): Promise<Latency> {
  const { batch = 1, repeats = 20, warmUp = 5, now = () => performance.now() } = timedNames(given)
  for (const [option, received, least] of [
    ['batch', batch, 1],
    ['repeats', repeats, 1],
    ['warmUp', warmUp, 0],
  ] as const)
    if (!Number.isInteger(received) || received < least)
      throw optionError('profile', option, received, `a whole number of at least ${least}`)
  for (let i = 0; i < warmUp; i++) await run()
  const times: number[] = []
  for (let i = 0; i < repeats; i++) {
    const began = now()
    await run()
    times.push(now() - began)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(repeats - 1, Math.floor(share * repeats))] as number
  const middle = (at(0.5) + (times[Math.ceil(repeats / 2) - 1] as number)) / 2
  return { milliseconds: middle, low: at(0.1), high: at(0.9), batch, repeats, ...runner }
}

const latencyOfNames = optionNames<LatencyOptions>('latencyOf', { batch: true, repeats: true, warmUp: true, now: true })

/** Forward passes of a network on the current engine, the result read. Error: ARCHLOOM_OPTION. */
export async function latencyOf(network: Network, options: LatencyOptions = {}): Promise<Latency> {
  latencyOfNames(options)
  const { batch = 1 } = options
  const report = currentEngine()
  const runner = { engine: report?.name ?? tf.getBackend(), threads: report?.threads ?? 1 }
  const x = tf.fill([batch, ...network.inputShape], 0.5)
  const run = async () => {
    const y = tf.tidy(() => network.apply(x, { training: false }))
    await y.data()
    y.dispose()
  }
  try {
    return await timed(run, runner, options)
  } finally {
    x.dispose()
  }
}
