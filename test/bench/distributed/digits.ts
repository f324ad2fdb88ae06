/** What the searches of the benches `kill` and `distributed-kill` evaluate: short trials, some of which fail. */
import { defineSpace, type EvaluationRequest, oneOf, product, repeat } from '../../../core/index.ts'
import { seeded } from '../../../core/random.ts'

export const space = defineSpace('digits', product({ digit: repeat(6, () => oneOf(0, 1, 2, 3)) }))

/** Milliseconds of the longest trial. */
const longest = Number(process.env.ARCHLOOM_BENCH_MS ?? 30)

interface Architecture {
  readonly digit: readonly number[]
}

export const evaluator = {
  kind: 'from-scratch' as const,
  name: 'sum of digits',
  async evaluate({ architecture, seed, trial, fidelity }: EvaluationRequest<Architecture>) {
    const luck = seeded(seed).float()
    await new Promise((resolve) => setTimeout(resolve, longest * luck))
    if (trial % 11 === 7) throw new Error(`out of luck ${trial}`)
    return { metrics: { sum: fidelity * architecture.digit.reduce<number>((a, b) => a + b, 0) + luck } }
  },
}
