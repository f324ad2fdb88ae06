import { gaussianTransport, momentsOf, pointsOf } from '../transport/index.ts'
import { error } from './errors.ts'
import { checkRows } from './rows.ts'

/**
 * Fréchet distance between two sets of features (Heusel et al. 2017), the squared W₂ distance of the normal laws fitted
 * to them: ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁^½ Σ₂ Σ₁^½)^½. Comparable only over one feature network and one number
 * of samples: it is biased by about 1/n.
 * @param a,b flat [count, dimension], two rows or more. Error: ARCHLOOM_GENERATIVE_METRIC.
 */
export function frechetDistance(a: Float32Array, b: Float32Array, dimension: number): number {
  const of = (values: Float32Array) => {
    checkRows('frechetDistance', values, dimension, 2)
    return momentsOf(pointsOf(values, dimension))
  }
  return gaussianTransport(of(a), of(b))
}

export interface InceptionScore {
  readonly mean: number
  /** Over the splits (n − 1); 0 for one. */
  readonly sd: number
}

/**
 * Inception-style score (Salimans et al. 2016): exp E KL(p(y|x) ‖ p(y)), from 1 (nothing to tell) to the number of
 * classes (sure of each, all alike), mean over consecutive splits. Named after the classifier it was made with: quote
 * yours. @param probabilities flat [count, classes]. Error: ARCHLOOM_GENERATIVE_METRIC.
 */
export function inceptionScore(
  probabilities: Float32Array,
  classes: number,
  { splits = 1 }: { splits?: number } = {},
): InceptionScore {
  const count = checkRows('inceptionScore', probabilities, classes, splits)
  for (let i = 0; i < count; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes)
    const sum = row.reduce((a, b) => a + b, 0)
    if (row.some((p) => p < 0) || Math.abs(sum - 1) > 1e-3)
      throw error('ARCHLOOM_GENERATIVE_METRIC', {
        ...{ metric: 'inceptionScore', received: `row ${i} of sum ${sum}` },
        expected: 'probabilities: at least 0, of sum 1. Take the softmax of logits',
      })
  }
  const size = Math.floor(count / splits)
  const scores = Array.from({ length: splits }, (_, part) => {
    const own = probabilities.subarray(part * size * classes, (part + 1) * size * classes)
    const marginal = new Float64Array(classes)
    for (let at = 0; at < own.length; at++)
      marginal[at % classes] = (marginal[at % classes] as number) + (own[at] as number) / size
    let divergence = 0
    for (let at = 0; at < own.length; at++) {
      const p = own[at] as number
      if (p > 0) divergence += (p * Math.log(p / (marginal[at % classes] as number))) / size
    }
    return Math.exp(divergence)
  })
  const mean = scores.reduce((a, b) => a + b, 0) / splits
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0)
  return { mean, sd: splits > 1 ? Math.sqrt(squares / (splits - 1)) : 0 }
}
