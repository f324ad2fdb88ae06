import { cpus, loadavg } from 'node:os'
import { onnxLatency } from '../onnx/index.ts'
import type { FitEvent, Limits } from './events.ts'

/**
 * Measures one prediction of an ONNX file: its bytes and the shape of one input, without the batch → milliseconds. A meter
 * of your own may run the file on the machine that will use it.
 */
export type LatencyMeter = (model: Uint8Array<ArrayBuffer>, input: readonly number[]) => number | Promise<number>

/** The latency of a finished model, and what it was measured under. */
export interface FinalLatency {
  /** Of one prediction. */
  readonly milliseconds: number
  /** The limit that it was searched within, in milliseconds. */
  readonly limit: number
  /** How it was measured, and on what machine. */
  readonly conditions: string
}

/** Runs of one measurement: for each trial, and for the finished model. */
const TRIAL_RUNS = { warmUp: 3, repeats: 15 } as const
const FINAL_RUNS = { warmUp: 5, repeats: 50 } as const
/** A finished model is measured so often, and the smallest median counts: other programs only make it slower. */
const FINAL_MEASUREMENTS = 3

const meterOf =
  (runs: typeof TRIAL_RUNS | typeof FINAL_RUNS): LatencyMeter =>
  async (model, input) =>
    (await onnxLatency(model, input, { threads: 1, ...runs })).milliseconds

const conditionsOf = (meter: LatencyMeter | undefined): string => {
  if (meter) return 'measured by the given latencyMeter'
  const [processor] = cpus()
  const { repeats, warmUp } = FINAL_RUNS
  return `one example, one thread of onnxruntime-node, smallest of ${FINAL_MEASUREMENTS} medians of ${repeats} runs after ${warmUp}; ${processor?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`
}

/** The latencies of a search: each architecture is measured once. */
export interface Latencies {
  /** The limit, in milliseconds; undefined where there is none, and then nothing is measured. */
  readonly limit: number | undefined
  /** The smallest latency that was measured so far, in milliseconds; infinite before the first. */
  readonly least: number
  /** Milliseconds of the file that `encode` gives, by the key of its architecture. */
  of(key: string, input: readonly number[], encode: () => Promise<Uint8Array<ArrayBuffer>>): Promise<number>
  /** Measures a finished model with more runs; `undefined` where there is no limit. */
  final(model: () => Promise<Uint8Array<ArrayBuffer>>, input: readonly number[]): Promise<FinalLatency | undefined>
}

export function latencies({ maxLatencyMs: limit }: Limits, meter: LatencyMeter | undefined): Latencies {
  const known = new Map<string, number>()
  return {
    limit,
    get least() {
      return Math.min(Number.POSITIVE_INFINITY, ...known.values())
    },
    async of(key, input, encode) {
      const before = known.get(key)
      if (before !== undefined) return before
      const measured = await (meter ?? meterOf(TRIAL_RUNS))(await encode(), input)
      known.set(key, measured)
      return measured
    },
    async final(encode, input) {
      if (limit === undefined) return undefined
      const model = await encode()
      let milliseconds = Number.POSITIVE_INFINITY
      for (let i = 0; i < (meter ? 1 : FINAL_MEASUREMENTS); i++)
        milliseconds = Math.min(milliseconds, await (meter ?? meterOf(FINAL_RUNS))(model, input))
      return { milliseconds, limit, conditions: conditionsOf(meter) }
    },
  }
}

/** A time with three digits. */
export const inMilliseconds = (milliseconds: number): string => `${Number(milliseconds.toPrecision(3))} ms`

/** What is said of a finished model that was within the limit as a trial and exceeds it now. */
export function latencyWarning(final: FinalLatency | undefined): Extract<FitEvent, { type: 'warning' }> | undefined {
  if (!final || final.milliseconds <= final.limit) return undefined
  const { milliseconds, limit, conditions } = final
  return {
    type: 'warning',
    code: 'ARCHLOOM_FIT_LATENCY',
    message: `the finished model takes ${inMilliseconds(milliseconds)}, more than the ${inMilliseconds(limit)} that its trial kept to (${conditions}); measure again on an idle machine, or lower the limit`,
  }
}
