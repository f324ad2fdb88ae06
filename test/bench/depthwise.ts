/**
 * Networks of depthwise and small convolutions beside residual networks of equal multiply-adds: steps take turns on one
 * thread, processor time is counted, and the fastest step of each is compared. `--profile` lists the kernels of the
 * searched networks.   npm run bench -- depthwise [--rounds N] [--profile] [--json]
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { start } from '../../plugins/onnxruntime/start.ts'
import { fastestCalls } from './depthwise/calls.ts'
import { type Measured, pairs } from './depthwise/nets.ts'
import { processorTime } from './train-step/profile.ts'

interface Options {
  readonly rounds?: number
  readonly profile?: boolean
  readonly log?: (line: string) => void
}

export async function run({ rounds = 25, profile = false, log = () => {} }: Options = {}): Promise<Bench> {
  start({ threads: 1 })
  tf.enableProdMode()
  await tf.setBackend('onnxruntime')
  const results: BenchResult[] = []
  const searchedSteps: { name: string; step: () => number }[] = []
  for (const { searched, residual } of pairs) {
    const both = [residual, searched].map(({ make }) => ({ step: make(), fastest: Number.POSITIVE_INFINITY }))
    for (let round = -5; round < rounds; round++)
      for (const each of both) {
        const before = processorTime()
        each.step()
        if (round >= 0) each.fastest = Math.min(each.fastest, processorTime() - before)
      }
    const [plain, ours] = both as [(typeof both)[0], (typeof both)[0]]
    const ratio = plain.fastest / ours.fastest
    results.push({ name: named(residual), value: plain.fastest, unit: 'ms' })
    results.push({ name: named(searched), value: ours.fastest, unit: 'ms', reference: residual.name, ratio })
    log(`${searched.name}: ${(1 / ratio).toFixed(2)} times the step of the ${residual.name}`)
    searchedSteps.push({ name: searched.name, step: ours.step })
  }
  if (profile) for (const { name, step } of searchedSteps) results.push(...kernelsOf(name, step, rounds))
  return { bench: 'depthwise', results }
}

const named = ({ name, multiplyAdds }: Measured) => `${name}, ${(multiplyAdds / 1e6).toFixed(1)} M multiply-adds`

function kernelsOf(name: string, step: () => number, rounds: number): BenchResult[] {
  const { kernels, between } = fastestCalls(step, rounds)
  return [
    { name: `between the kernels of ${name}`, value: between, unit: 'ms' },
    ...[...kernels]
      .sort(([, a], [, b]) => b.ms - a.ms)
      .filter(([, { ms }]) => ms > 0.1)
      .map(([kernel, { ms, calls }]) => ({ name: `kernel ${kernel} ×${calls} of ${name}`, value: ms, unit: 'ms' })),
  ]
}
