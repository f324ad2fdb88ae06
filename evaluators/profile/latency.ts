import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../core/options/index.ts'
import { currentEngine } from '../../core/tensor/index.ts'
import type { Network } from '../../core/trainer.ts'

export interface LatencyOptions {
  /** Number of images per run. Default: 1. */
  readonly batchSize?: number
  /** Number of timed runs. Default: 20. */
  readonly repeats?: number
  /** Number of runs before the timed ones. Default: 5. */
  readonly warmUp?: number
  /** A monotonic clock in milliseconds. Default: that of the process. */
  readonly now?: () => number
}

export interface Latency {
  /** Median time of one batch. */
  readonly milliseconds: number
  /** The 10th and 90th percentile, in milliseconds. */
  readonly low: number
  readonly high: number
  readonly batchSize: number
  readonly repeats: number
  /** Name of the tensor engine that ran it, or 'onnxruntime-node' for a file. */
  readonly engine: string
  /** Number of threads of one operation. */
  readonly threads: number
}

const timedNames = optionNames<LatencyOptions>('timed', { batchSize: true, repeats: true, warmUp: true, now: true })

/** Runs a function repeatedly and takes the median time. Error: ARCHLOOM_OPTION. */
export async function timed(
  run: () => Promise<void> | void,
  runner: Pick<Latency, 'engine' | 'threads'>,
  given: LatencyOptions = {},
): Promise<Latency> {
  const { batchSize = 1, repeats = 20, warmUp = 5, now = () => performance.now() } = timedNames(given)
  for (const [option, received, least] of [
    ['batchSize', batchSize, 1],
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
  const middle = (at(0.5) + times[Math.ceil(repeats / 2) - 1]!) / 2
  return { milliseconds: middle, low: at(0.1), high: at(0.9), batchSize, repeats, ...runner }
}

const latencyOfNames = optionNames<LatencyOptions>('latencyOf', {
  batchSize: true,
  repeats: true,
  warmUp: true,
  now: true,
})

/**
 * Latency of forward passes of a network on the current engine, including reading the result. Error: ARCHLOOM_OPTION.
 */
export async function latencyOf(network: Network, options: LatencyOptions = {}): Promise<Latency> {
  latencyOfNames(options)
  const { batchSize = 1 } = options
  const report = currentEngine()
  const runner = { engine: report?.name ?? tf.getBackend(), threads: report?.threads ?? 1 }
  const x = tf.fill([batchSize, ...network.inputShape], 0.5)
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
