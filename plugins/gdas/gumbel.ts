import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/index.ts'
import { type OneShotDefinition, type Relaxation, relaxedStrategy } from '../../evaluators/weight-sharing/index.ts'
import type { ReadGdasOptions } from './options.ts'

/** −ln(−ln u): with this noise added, the largest of several logits is a draw from their softmax. */
export const gumbel = (rng: Random): number => -Math.log(-Math.log(Math.max(rng.float(), Number.MIN_VALUE)))

/**
 * One operation per edge, drawn from softmax(α). The forward pass uses one-hot weights, the backward pass the gradient
 * of softmax((ln softmax(α) + noise) / τ). The other operations are not computed, so a step costs as much as one path,
 * and the gradient reaches α through the drawn operations only.
 */
export function gumbelRelaxation(
  alpha: readonly (readonly number[])[],
  rng: Random,
  temperature: number,
): Relaxation & { readonly drawn: readonly number[] } {
  const noise = alpha.map((row) => row.map(() => gumbel(rng)))
  const drawn = alpha.map((row, edge) => {
    const sums = row.map((value, op) => value + (noise[edge]?.[op] as number))
    return sums.indexOf(Math.max(...sums))
  })
  const hard = alpha.map((row, edge) => row.map((_, op) => (op === drawn[edge] ? 1 : 0)))
  const straightThrough = tf.customGrad((_soft) => ({
    value: tf.tensor2d(hard),
    gradFunc: (dy: tf.Tensor) => dy,
  }))
  return {
    drawn,
    weights: (at) => straightThrough(tf.softmax(tf.div(tf.add(tf.logSoftmax(at), tf.tensor2d(noise)), temperature))),
    skip: (edge, operation) => drawn[edge] !== operation,
  }
}

/** The strategy of GDAS, in which τ falls linearly over the search. */
export const gumbelStrategy =
  (options: ReadGdasOptions): OneShotDefinition['strategy'] =>
  (parts) => {
    const temperatureAt = (progress: number) =>
      options.temperature + (options.minTemperature - options.temperature) * progress
    return relaxedStrategy(
      {
        name: 'gdas',
        options,
        relax: (alpha, rng, progress) => gumbelRelaxation(alpha, rng, temperatureAt(progress)),
        metrics: (progress) => ({ temperature: temperatureAt(progress) }),
      },
      parts,
    )
  }
