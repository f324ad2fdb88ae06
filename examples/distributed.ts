// One search, many machines: this file is the search and the work of every worker.
//     npx archloom run examples/distributed.ts                        on one machine, and on each of them:
//     npx archloom worker examples/distributed.ts --redis redis://the-machine-with-redis
// A recipe for two laptops is in plugins/distributed/README.md.
import { createSearch, defineSpace, type EvaluatorFunction, product, real, type StudyOptions } from 'archloom'
import { asha } from 'archloom/plugins/asha'
import { distributed } from 'archloom/plugins/distributed'
import { random } from 'archloom/plugins/random'

interface Descent {
  readonly rate: number
  readonly momentum: number
}

// What workers use: `space` and `evaluator`.
export const space = defineSpace('descent', product({ rate: real(1e-3, 1, { scale: 'log' }), momentum: real(0, 0.99) }))

/** Gradient descent on x⁴. A trial that is paused goes on from its checkpoint, on whatever machine has time for it. */
export const evaluator: EvaluatorFunction<Descent> = ({ rate, momentum }, { fidelity }, context) => {
  let state = { step: 0, x: 2, velocity: 0 }
  if (context.checkpoint) state = JSON.parse(new TextDecoder().decode(context.checkpoint.data))
  for (let { step, x, velocity } = state; step < Math.round(80 * fidelity); step++) {
    velocity = momentum * velocity - rate * 4 * x ** 3
    x = Math.max(-10, Math.min(10, x + velocity))
    state = { step: step + 1, x, velocity }
  }
  context.saveCheckpoint?.(new TextEncoder().encode(JSON.stringify(state)))
  return { loss: state.x ** 4 }
}

interface Options {
  /** Default: ARCHLOOM_REDIS, else this machine's. */
  readonly redis?: string
  readonly trials?: number
  readonly study?: StudyOptions
}

export const search = ({ redis, trials = 60, study }: Options = {}) =>
  createSearch({
    space,
    evaluator: distributed({ module: new URL(import.meta.url), ...(redis !== undefined && { redis }) }),
    plugins: [random(), asha({ minFidelity: 1 / 8, eta: 2 })],
    objectives: { loss: 'minimise' },
    budget: { maxTrials: trials, retries: 2 },
    // One or two more than all workers evaluate at once.
    concurrency: 6,
    ...(study && { study }),
  })
