import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../options/index.ts'
import { batchNormTraining, scaleShift } from '../fused.ts'
import { ones, zeros } from '../initialisers.ts'
import type { Layer, NormalisationOptions, VariableScope } from '../scope.ts'
import { positiveInteger, takesChannels } from './geometry.ts'

export interface BatchRenormOptions extends NormalisationOptions {
  readonly channels: number
  /** Largest r, at least 1; 1 is plain batch normalisation's scale. Default 3. */
  readonly rMax?: number
  /** Largest |d|; 0 is plain batch normalisation's offset. Default 5. */
  readonly dMax?: number
  /** Steps of plain batch normalisation, then steps at which rMax and dMax are reached. Default 5,000, 40,000, 25,000. */
  readonly ramp?: { readonly from: number; readonly rMaxAt: number; readonly dMaxAt: number }
  /** Share of the running statistics kept at each step. Default 0.99. */
  readonly momentum?: number
  /** Added to the variance. Default 1e-3. */
  readonly epsilon?: number
}

const batchRenormNames = optionNames<BatchRenormOptions>('batchRenorm', {
  channels: true,
  affine: true,
  relu: true,
  rMax: true,
  dMax: true,
  ramp: true,
  momentum: true,
  epsilon: true,
})

/**
 * Batch Renormalization (Ioffe, 2017, algorithm 1) over all axes but the last. Training normalises with the batch's
 * statistics and corrects them to the running ones by r and d, which are limited and pass no gradient; evaluation uses
 * the running mean and deviation.
 */
export function batchRenorm(scope: VariableScope, options: BatchRenormOptions): Layer {
  batchRenormNames(options)
  const { affine = true, relu = false, rMax = 3, dMax = 5, momentum = 0.99, epsilon = 1e-3 } = options
  const { from, rMaxAt, dMaxAt } = options.ramp ?? { from: 5_000, rMaxAt: 40_000, dMaxAt: 25_000 }
  const channels = positiveInteger('batchRenorm', 'channels', options.channels)
  const refuse = (option: string, received: unknown, expected: string) =>
    optionError('batchRenorm', option, received, expected)
  if (!(rMax >= 1)) throw refuse('rMax', rMax, 'a number of at least 1')
  if (!(dMax >= 0)) throw refuse('dMax', dMax, 'a number of at least 0')
  if (!(from >= 0 && rMaxAt >= from && dMaxAt >= from))
    throw refuse('ramp', options.ramp, 'steps 0 ≤ from ≤ rMaxAt and from ≤ dMaxAt')
  const gamma = affine ? scope.weight('gamma', [channels], ones) : undefined
  const beta = affine ? scope.weight('beta', [channels], zeros) : undefined
  const movingMean = scope.state('moving_mean', [channels], 0)
  const movingDeviation = scope.state('moving_deviation', [channels], 1)
  const steps = scope.state('steps', [1], 0)

  /** 0 up to step `from`, 1 from step `to` on. */
  const risen = (to: number) =>
    to === from
      ? tf.cast(tf.greaterEqual(steps, from), 'float32')
      : tf.clipByValue(tf.div(tf.sub(steps, from), to - from), 0, 1)
  const limited = (x: tf.Tensor, least: tf.Tensor, most: tf.Tensor) => tf.minimum(tf.maximum(x, least), most)
  const move = (running: tf.Variable, batch: tf.Tensor) =>
    running.assign(tf.add(running, tf.mul(tf.sub(batch, running), 1 - momentum)))
  const affinely = (x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) => {
    const scaled = gamma ? tf.mul(gamma, scale) : scale
    const shifted = gamma ? tf.mul(gamma, shift) : shift
    return scaleShift(x, scaled, beta ? tf.add(shifted, beta) : shifted, relu)
  }

  return takesChannels('batchRenorm', channels, (x, mode) => {
    if (!mode.training) {
      const scale = tf.div(1, movingDeviation)
      return affinely(x, scale, tf.neg(tf.mul(movingMean, scale)))
    }
    const { y: unit, mean, variance } = batchNormTraining(x, undefined, undefined, epsilon, false)
    const deviation = tf.sqrt(tf.add(variance, epsilon))
    const mostR = tf.add(tf.mul(risen(rMaxAt), rMax - 1), 1)
    const mostD = tf.mul(risen(dMaxAt), dMax)
    const r = limited(tf.div(deviation, movingDeviation), tf.div(1, mostR), mostR)
    const d = limited(tf.div(tf.sub(mean, movingMean), movingDeviation), tf.neg(mostD), mostD)
    const y = affinely(unit, r, d)
    move(movingMean, mean)
    move(movingDeviation, deviation)
    steps.assign(tf.add(steps, 1))
    return y
  })
}
