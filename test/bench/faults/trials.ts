/** What the bench `faults` evaluates: small trainings, some of which throw, hang, run out of memory or are killed. */
import { defineSpace, type EvaluatorFunction, product, real, seeded } from 'archloom'

export const space = defineSpace('logistic', product({ rate: real(1e-2, 10, { scale: 'log' }), decay: real(0, 0.1) }))

export type Fault = 'throws' | 'hangs' | 'runs out of memory' | 'is killed'

/** What happens to the trial of a seed, if anything: 10 % throw, 2 % hang, 2 % run out of memory, 1 % are killed. */
export function faultOf(seed: number): Fault | undefined {
  const luck = seeded(`fault ${seed}`).float()
  if (luck < 0.1) return 'throws'
  if (luck < 0.12) return 'hangs'
  if (luck < 0.14) return 'runs out of memory'
  return luck < 0.15 ? 'is killed' : undefined
}

/** Stochastic gradient descent of a logistic regression on 200 points; returns its accuracy on 200 others. */
function train(rate: number, decay: number, seed: number): number {
  const rng = seeded(seed)
  const draw = () => Array.from({ length: 8 }, () => rng.normal())
  const truth = draw()
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, at) => sum + x * b[at]!, 0)
  const weights = truth.map(() => 0)
  for (let step = 0; step < 200; step++) {
    const x = draw()
    const y = dot(x, truth) + 0.5 * rng.normal() > 0 ? 1 : 0
    const error = 1 / (1 + Math.exp(-dot(x, weights))) - y
    for (const [at, each] of x.entries()) weights[at]! -= rate * (error * each + decay * weights[at]!)
  }
  const isRight = () => {
    const x = draw()
    return dot(x, truth) > 0 === dot(x, weights) > 0
  }
  return Array.from({ length: 200 }, isRight).filter(Boolean).length / 200
}

export const evaluator: EvaluatorFunction<ReturnType<typeof space.decode>> = async ({ rate, decay }, { seed }) => {
  const fault = faultOf(seed)
  if (fault === 'throws') throw new Error('out of luck')
  if (fault === 'hangs') await new Promise(() => setInterval(() => {}, 1000))
  if (fault === 'runs out of memory') for (const all: number[][] = []; ; ) all.push(Array(10_000).fill(seed))
  if (fault === 'is killed') process.kill(process.pid, 'SIGKILL')
  return { accuracy: train(rate, decay, seed) }
}
