/** What the bench `distributed` shares with its workers: trials that cost nothing, and trials that last a second. */
import { defineSpace, type EvaluatorFunction, oneOf, product, repeat } from 'archloom'

export const space = defineSpace('digits', product({ digit: repeat(6, () => oneOf(0, 1, 2, 3)) }))

export const evaluator: EvaluatorFunction<ReturnType<typeof space.decode>> = async ({ digit }) => {
  const seconds = Number(process.env.ARCHLOOM_BENCH_SECONDS ?? 0)
  if (seconds > 0) await new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
  return { sum: digit.reduce<number>((a, b) => a + b, 0) }
}
