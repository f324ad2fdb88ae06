import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../options/index.ts'
import { batchNormInference, batchNormTraining } from '../fused.ts'
import { ones, zeros } from '../initialisers.ts'
import type { Layer, NormalisationOptions, VariableScope } from '../scope.ts'
import { positiveInteger, takesChannels } from './geometry.ts'

/** Share of the running statistics kept at each step, unless a layer says otherwise. */
export const BATCH_NORM_MOMENTUM = 0.9

export interface BatchNormOptions extends NormalisationOptions {
  readonly channels: number
  /** Share of the running statistics kept at each step. Default BATCH_NORM_MOMENTUM. */
  readonly momentum?: number
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number
}

const batchNormNames = optionNames<BatchNormOptions>('batchNorm', {
  channels: true,
  affine: true,
  relu: true,
  momentum: true,
  epsilon: true,
})

/**
 * Batch normalisation (Ioffe and Szegedy, 2015) over all axes but the last. Training uses the batch's statistics and
 * moves the running ones (variance with n − 1), evaluation uses the running ones.
 */
export function batchNorm(scope: VariableScope, options: BatchNormOptions): Layer {
  batchNormNames(options)
  const { affine = true, relu = false, momentum = BATCH_NORM_MOMENTUM, epsilon = 1e-5 } = options
  const channels = positiveInteger('batchNorm', 'channels', options.channels)
  const gamma = affine ? scope.weight('gamma', [channels], ones) : undefined
  const beta = affine ? scope.weight('beta', [channels], zeros) : undefined
  const movingMean = scope.state('moving_mean', [channels], 0)
  const movingVariance = scope.state('moving_variance', [channels], 1)

  const move = (running: tf.Variable, batch: tf.Tensor) =>
    running.assign(tf.add(running, tf.mul(tf.sub(batch, running), 1 - momentum)))

  return takesChannels('batchNorm', channels, (x, mode) => {
    if (!mode.training) return batchNormInference(x, movingMean, movingVariance, gamma, beta, epsilon, relu)
    const { y, mean, variance } = batchNormTraining(x, gamma, beta, epsilon, relu)
    const count = x.size / channels
    move(movingMean, mean)
    move(movingVariance, tf.mul(variance, count / Math.max(1, count - 1)))
    return y
  })
}
