import { gaussianTransport, momentsOf, pointsOf } from '../transport/index.ts'
import { error } from './errors.ts'
import { checkRows } from './rows.ts'

/**
 * Fréchet distance between two sets of features (Heusel et al. 2017), the squared W₂ distance of the normal
 * distributions fitted to them: ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁^½ Σ₂ Σ₁^½)^½. Figures are comparable only with
 * the same feature network and the same number of samples, because the bias is about 1/n. @param a,b Flat [count,
 * dimension], at least two rows. Error: ARCHLOOM_GENERATIVE_METRIC.
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
  /** Standard deviation over the splits (n − 1); 0 for one split. */
  readonly sd: number
}

/**
 * Inception-style score (Salimans et al. 2016): exp E KL(p(y|x) ‖ p(y)), from 1 (all predictions are alike) to the
 * number of classes (every prediction is certain, and classes are equally frequent), averaged over consecutive splits.
 * State the classifier with every figure. @param probabilities flat [count, classes]. Error:
 * ARCHLOOM_GENERATIVE_METRIC.
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
        metric: 'inceptionScore',
        received: `row ${i} with the sum ${sum}`,
        expected: 'probabilities of at least 0 with the sum 1. Apply the softmax to logits',
      })
  }
  const size = Math.floor(count / splits)
  const scores = Array.from({ length: splits }, (_, part) => {
    const own = probabilities.subarray(part * size * classes, (part + 1) * size * classes)
    const marginal = new Float64Array(classes)
    for (let at = 0; at < own.length; at++) marginal[at % classes] = marginal[at % classes]! + own[at]! / size
    let divergence = 0
    for (let at = 0; at < own.length; at++) {
      const p = own[at] as number
      if (p > 0) divergence += (p * Math.log(p / marginal[at % classes]!)) / size
    }
    return Math.exp(divergence)
  })
  const mean = scores.reduce((a, b) => a + b, 0) / splits
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0)
  return { mean, sd: splits > 1 ? Math.sqrt(squares / (splits - 1)) : 0 }
}
