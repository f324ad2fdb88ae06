import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../options/index.ts'
import { ones, zeros } from '../initialisers.ts'
import type { Layer, NormalisationOptions, VariableScope } from '../scope.ts'
import { positiveInteger, takesChannels } from './geometry.ts'

export interface GroupNormOptions extends NormalisationOptions {
  readonly channels: number
  /** Default: the largest divisor of `channels` that is at most 8 and leaves at least 4 channels per group, or 1. */
  readonly groups?: number
  /** Default 1e-5. */
  readonly epsilon?: number
}

const largestDivisor = (channels: number, atMost: number): number => {
  let groups = Math.max(1, Math.floor(atMost))
  while (channels % groups !== 0) groups--
  return groups
}

const groupNormNames = optionNames<GroupNormOptions>('groupNorm', {
  channels: true,
  groups: true,
  affine: true,
  relu: true,
  epsilon: true,
})

/**
 * Group normalisation (Wu and He, 2018) over all axes but the first: with statistics per example and group, and
 * without running state. Error: ARCHLOOM_OPTION, at the first call also if a group would consist of one value, which
 * is always normalised to 0.
 */
export function groupNorm(scope: VariableScope, options: GroupNormOptions): Layer {
  groupNormNames(options)
  const { affine = true, relu = false, epsilon = 1e-5 } = options
  const channels = positiveInteger('groupNorm', 'channels', options.channels)
  const groups = positiveInteger(
    'groupNorm',
    'groups',
    options.groups ?? largestDivisor(channels, Math.min(8, channels / 4)),
  )
  if (channels % groups !== 0) throw optionError('groupNorm', 'groups', groups, `a divisor of ${channels} channels`)
  const gamma = affine ? scope.weight('gamma', [channels], ones) : undefined
  const beta = affine ? scope.weight('beta', [channels], zeros) : undefined

  return takesChannels('groupNorm', channels, (x) => {
    const [batch = 1, ...rest] = x.shape
    const positions = rest.slice(0, -1).reduce((product, size) => product * size, 1)
    if (positions * channels === groups)
      throw optionError(
        'groupNorm',
        'groups',
        groups,
        `fewer than ${groups} for examples of shape [${rest.join(', ')}]: a group of one value is always 0`,
      )
    const grouped = tf.reshape(x, [batch, positions, groups, channels / groups])
    const { mean, variance } = tf.moments(grouped, [1, 3], true)
    const unit = tf.reshape(tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, epsilon))), x.shape)
    const scaled = gamma ? tf.mul(unit, gamma) : unit
    const y = beta ? tf.add(scaled, beta) : scaled
    return relu ? tf.relu(y) : y
  })
}
