import * as tf from '@tensorflow/tfjs-core'
import type { FilterGroups, SuperBitNetwork } from '../../search-spaces/compression/index.ts'

const set = (variable: tf.Variable, values: ArrayLike<number>) =>
  tf.tidy(() => variable.assign(tf.tensor1d(Float32Array.from(values))))

/**
 * The largest threshold that prunes at most `mostPruned` groups by the last scores: the n-th smallest score, or the
 * next smaller one if several are equal.
 */
export function largestFilterThreshold(scores: readonly number[], { mostPruned }: Pick<FilterGroups, 'mostPruned'>) {
  const sorted = [...scores].sort((a, b) => a - b)
  let n = mostPruned
  while (n > 0 && sorted[n] === sorted[n - 1]) n--
  return n === 0 ? 0 : sorted[n - 1]!
}

/**
 * Clamps thresholds to valid values after every step: α ≥ 0, and α_p at most the largest value that leaves enough
 * filters. With `ceiling`, α ≤ ceiling·A, so that a closed gate can open again.
 */
export function clampThresholds({ thresholds, residuals, scores, plan }: SuperBitNetwork, ceiling: number): void {
  for (const side of ['weights', 'activations'] as const)
    thresholds[side].forEach((variable, at) => {
      const means = residuals[at]?.[side]
      if (!variable || !means?.length) return
      const values = variable.dataSync()
      const most = means.map((mean) => ceiling * mean)
      const clamped = values.map((value, j) => Math.min(Math.max(value, 0), most[j] as number))
      if (clamped.some((value, j) => value !== values[j])) set(variable, clamped)
    })
  thresholds.filters.forEach((variable, g) => {
    const own = scores[g]
    if (!own) return
    const most = largestFilterThreshold(own, plan.groups[g] as FilterGroups)
    const value = variable.dataSync()[0] as number
    const clamped = Math.min(Math.max(value, 0), most)
    if (clamped !== value) set(variable, [clamped])
  })
}
