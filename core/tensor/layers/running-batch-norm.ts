import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../options/index.ts'
import { batchNormInference, batchNormTraining } from '../fused.ts'
import { ones, zeros } from '../initialisers.ts'
import type { Layer, NormalisationOptions, VariableScope } from '../scope.ts'
import { positiveInteger, takesChannels } from './geometry.ts'

export interface RunningBatchNormOptions extends NormalisationOptions {
  readonly channels: number
  /** Share of the running statistics kept at each step. Default 0.99. */
  readonly momentum?: number
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number
}

const runningBatchNormNames = optionNames<RunningBatchNormOptions>('runningBatchNorm', {
  channels: true,
  affine: true,
  relu: true,
  momentum: true,
  epsilon: true,
})

/**
 * Normalises with running statistics in training too, including the share of the present batch. No gradient flows
 * through the statistics. It is the simplest normalisation that is the same in training and inference, and serves as a
 * baseline, because it is known to learn slowly.
 */
export function runningBatchNorm(scope: VariableScope, options: RunningBatchNormOptions): Layer {
  runningBatchNormNames(options)
  const { affine = true, relu = false, momentum = 0.99, epsilon = 1e-5 } = options
  const channels = positiveInteger('runningBatchNorm', 'channels', options.channels)
  const gamma = affine ? scope.weight('gamma', [channels], ones) : undefined
  const beta = affine ? scope.weight('beta', [channels], zeros) : undefined
  const movingMean = scope.state('moving_mean', [channels], 0)
  const movingVariance = scope.state('moving_variance', [channels], 1)
  const move = (running: tf.Variable, batch: tf.Tensor) =>
    running.assign(tf.add(running, tf.mul(tf.sub(batch, running), 1 - momentum)))

  return takesChannels('runningBatchNorm', channels, (x, mode) => {
    if (mode.training) {
      const { mean, variance } = batchNormTraining(x, undefined, undefined, epsilon, false)
      move(movingMean, mean)
      move(movingVariance, variance)
    }
    return batchNormInference(x, movingMean, movingVariance, gamma, beta, epsilon, relu)
  })
}
