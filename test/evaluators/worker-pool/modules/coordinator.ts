/** Starts a worker that computes without a pause, says its number, and is killed by the test. */
import { virtualClock } from '../../../../core/clock.ts'
import { seeded } from '../../../../core/random.ts'
import { workerPool } from '../../../../evaluators/worker-pool/index.ts'
import { space } from './behaviours.ts'

const module = new URL('./behaviours.ts', import.meta.url)
const evaluator = await workerPool({ module, size: 1 }).create({ space, rng: seeded(1), clock: virtualClock() })
const ask = (does: 'answer' | 'spin', onReport: () => void) => {
  const architecture = { does }
  const request = { trial: 0, genotype: space.encode(architecture), architecture, seed: 1, fidelity: 1 }
  const signal = new AbortController().signal
  const report = () => {
    onReport()
    return 'continue' as const
  }
  const context = { signal, report, tell: () => {}, started: () => {} }
  return evaluator.evaluate(request, context)
}
const { metrics } = await ask('answer', () => {})
void ask('spin', () => process.stdout.write(`${metrics.pid}\n`))
