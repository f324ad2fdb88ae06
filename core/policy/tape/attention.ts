import type { Random } from '../../random.ts'
import { affine, elementwise, type Parameter, parameter, result, sum, type Tape, type Vector } from './tape.ts'

/** Additive attention: one logit per key, v · tanh(A key + B query), for A and B [size, size] and v [1, size]. */
export interface AttentionWeights {
  readonly key: Parameter
  readonly query: Parameter
  readonly score: Parameter
}

export const attentionWeights = (name: string, size: number, rng: Random, limit: number): AttentionWeights => ({
  key: parameter(`${name}/key`, [size, size], rng, limit),
  query: parameter(`${name}/query`, [size, size], rng, limit),
  score: parameter(`${name}/score`, [1, size], rng, limit),
})

export function attentionLogits(
  tape: Tape | undefined,
  keys: readonly Vector[],
  query: Vector,
  weights: AttentionWeights,
): Vector {
  const projected = affine(tape, query, weights.query)
  const scores = keys.map((key) =>
    affine(
      tape,
      elementwise(tape, sum(tape, affine(tape, key, weights.key), projected), Math.tanh, (_, y) => 1 - y * y),
      weights.score,
    ),
  )
  const logits = Float64Array.from(scores, ({ value }) => value[0] as number)
  return result(tape, logits, (dy) => {
    scores.forEach(({ gradient }, j) => {
      gradient[0] = gradient[0]! + dy[j]!
    })
  })
}
