import * as tf from '@tensorflow/tfjs-core'
import type { VariableScope } from '../../core/tensor/index.ts'
import { checkedWeights, type MemoryWeights, slotWeights } from './weights.ts'

export interface MemoryOptions extends MemoryWeights {
  /**
   * 'averaged' (V1): the weighted mean of the batches' variances. 'pooled' (V2): the variance of all batches together,
   * including the differences between their means. Default 'averaged'.
   */
  readonly variance?: 'averaged' | 'pooled'
}

/** Statistics of one batch: mean and biased variance, [channels] each, of `samples` values per channel. */
export interface BatchStatistics {
  readonly mean: tf.Tensor1D
  readonly variance: tf.Tensor1D
  readonly samples: number
}

export interface CombinedStatistics {
  /** μ̃ */
  readonly mean: tf.Tensor1D
  /** ṽ */
  readonly variance: tf.Tensor1D
  /** w₁, the share of the newest batch; scalar. */
  readonly share: tf.Scalar
}

/**
 * The statistics of the last batches at one call site. Its tensors belong to a scope, so they are saved with the
 * network.
 */
export interface Memory {
  /** Makes the batch the newest entry and drops the oldest one. */
  push(batch: BatchStatistics): void
  /** Replaces the newest entry by the batch. */
  replace(batch: BatchStatistics): void
  /**
   * Combines the entries so far; their weights sum to 1 from the first batch on. An empty memory gives mean 0 and
   * variance 1.
   */
  combined(): CombinedStatistics
  isEmpty(): boolean
}

const variables = new WeakSet<tf.Variable>()

/** The variables of memories among these. */
export const memoriesAmong = (state: readonly tf.Variable[]): readonly tf.Variable[] =>
  state.filter((variable) => variables.has(variable))

export function memory(scope: VariableScope, channels: number, options: MemoryOptions): Memory {
  const { family } = checkedWeights(options)
  const pooled = options.variance === 'pooled'
  const base = slotWeights(options)
  const slots = base.length
  /** Mean and variance of each slot, the newest first. */
  const statistics = scope.state('statistics', [slots, 2, channels], 0)
  /** Number of values per channel of each slot, decayed if a slot stands for several batches; 0: the slot is empty. */
  const samples = scope.state('samples', [slots], 0)
  variables.add(statistics)
  variables.add(samples)

  const entryOf = ({ mean, variance }: BatchStatistics) => tf.expandDims(tf.stack([mean, variance]), 0)
  const store = (batch: BatchStatistics, older: tf.Tensor, olderSamples: tf.Tensor) => {
    const empty = slots === 1
    statistics.assign(empty ? entryOf(batch) : tf.concat([entryOf(batch), older], 0))
    samples.assign(empty ? tf.tensor1d([batch.samples]) : tf.concat([tf.tensor1d([batch.samples]), olderSamples], 0))
  }
  const combine = (): CombinedStatistics => {
    const weighted = slots === 1 ? samples : tf.mul(samples, tf.tensor1d([...base]))
    const total = tf.sum(weighted)
    // An empty memory has total 0 and weights 0.
    const weights = tf.div(weighted, tf.maximum(total, 1e-30))
    const columns = tf.reshape(weights, [slots, 1, 1])
    const [mean, averaged] = tf.unstack(tf.sum(tf.mul(statistics, columns), 0)) as [tf.Tensor1D, tf.Tensor1D]
    let variance = averaged
    if (pooled) {
      const means = tf.reshape(tf.slice(statistics, [0, 0, 0], [slots, 1, channels]), [slots, channels])
      const between = tf.mul(tf.square(tf.sub(means, mean)), tf.reshape(weights, [slots, 1]))
      variance = tf.add(averaged, tf.sum(between, 0))
    }
    const lacking = tf.sub(1, tf.step(total))
    const share = tf.reshape(tf.slice(weights, [0], [1]), []) as tf.Scalar
    return { mean, variance: tf.add(variance, lacking), share }
  }
  /** The slots that follow the newest, once a batch has been pushed. */
  const shifted = (): [tf.Tensor, tf.Tensor] => {
    if (slots === 1) return [statistics, samples]
    if (family === 'infinite') {
      const { mean, variance } = combine()
      const merged = tf.sum(tf.mul(samples, tf.tensor1d([...base])), 0, true)
      return [tf.expandDims(tf.stack([mean, variance]), 0), merged]
    }
    return [tf.slice(statistics, [0, 0, 0], [slots - 1, 2, channels]), tf.slice(samples, [0], [slots - 1])]
  }
  const kept = (): [tf.Tensor, tf.Tensor] =>
    slots === 1
      ? [statistics, samples]
      : [tf.slice(statistics, [1, 0, 0], [slots - 1, 2, channels]), tf.slice(samples, [1], [slots - 1])]

  return {
    push: (batch) => tf.tidy(() => store(batch, ...shifted())),
    replace: (batch) => tf.tidy(() => store(batch, ...kept())),
    combined: combine,
    isEmpty: () => tf.tidy(() => (tf.slice(samples, [0], [1]).dataSync()[0] as number) === 0),
  }
}
