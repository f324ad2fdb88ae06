import type { Vector } from './tape.ts'

/** A softmax over some of the logits: the others have probability 0. */
export interface Categorical {
  /** Natural logarithms, one per logit; −Infinity for options that are not allowed. */
  readonly logProbabilities: Float64Array
  readonly probabilities: Float64Array
  /** In nats. */
  readonly entropy: number
  /**
   * Adds the gradient of `onChosen` · ln p(chosen) + `onEntropy` · entropy to the gradient of the logits. Call it in
   * the backward pass.
   */
  back(chosen: number, onChosen: number, onEntropy: number): void
}

export function categorical(logits: Vector, allowed: readonly number[]): Categorical {
  const { value, gradient } = logits
  let largest = Number.NEGATIVE_INFINITY
  for (const j of allowed) largest = Math.max(largest, value[j] as number)
  let total = 0
  for (const j of allowed) total += Math.exp(value[j]! - largest)
  const logTotal = Math.log(total)
  const logProbabilities = new Float64Array(value.length).fill(Number.NEGATIVE_INFINITY)
  const probabilities = new Float64Array(value.length)
  let entropy = 0
  for (const j of allowed) {
    const logProbability = value[j]! - largest - logTotal
    const probability = Math.exp(logProbability)
    logProbabilities[j] = logProbability
    probabilities[j] = probability
    entropy -= probability * logProbability
  }
  return {
    logProbabilities,
    probabilities,
    entropy,
    back(chosen, onChosen, onEntropy) {
      for (const j of allowed) {
        const p = probabilities[j] as number
        const d = onChosen * ((j === chosen ? 1 : 0) - p) - onEntropy * p * (logProbabilities[j]! + entropy)
        gradient[j] = gradient[j]! + d
      }
    },
  }
}
