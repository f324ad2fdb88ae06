import * as tf from '@tensorflow/tfjs-core'
import {
  conv2d,
  heNormal,
  type Layer,
  pixelShuffle,
  relu,
  sequential,
  type VariableScope,
  variableScope,
  zeros,
} from '../../core/tensor/index.ts'
import type { BuildOptions } from '../../core/trainer.ts'
import { error } from '../errors.ts'
import { imageShape } from '../operations/cost.ts'
import { bicubicUpsampling } from './interpolation.ts'
import { type ScopedUpscalingNetwork, subtractMean, upscalingNetwork } from './upscaler.ts'

export interface CompactOptions {
  /** 2, 3 or 4. */
  readonly scale: number
  /** Channels of every layer but the last. Default 32. */
  readonly features?: number
  /** Residual blocks of two convolutions. Default 5. */
  readonly blocks?: number
}

export interface ResolvedCompactOptions {
  readonly scale: number
  readonly features: number
  readonly blocks: number
}

export function resolveCompactOptions({ scale, features = 32, blocks = 5 }: CompactOptions): ResolvedCompactOptions {
  const whole = { features, blocks }
  if (![2, 3, 4].includes(scale))
    throw error('ARCHLOOM_SPACE_OPTION', {
      ...{ space: 'compact upscaler', option: 'scale', received: scale, expected: '2, 3 or 4' },
    })
  for (const [option, received] of Object.entries(whole))
    if (!Number.isInteger(received) || received < 1)
      throw error('ARCHLOOM_SPACE_OPTION', {
        ...{ space: 'compact upscaler', option, received, expected: 'a whole number of at least 1' },
      })
  return { scale, ...whole }
}

/** Pixels that each side of the receptive field reaches, in the small image. */
export const compactReach = (options: CompactOptions): number => 2 * resolveCompactOptions(options).blocks + 2

/** Values inside are of the order of 1, images reach 255. */
const RANGE = 64

/**
 * A small network for every day: all convolutions at the size of the small image, sub-pixel enlargement at the end (Shi
 * et al., arXiv:1609.05158), and only the difference to the bicubic enlargement is learnt (Kim et al., arXiv:1511.04587).
 * It begins as bicubic. Values 0 to 255. Error: ARCHLOOM_SPACE_OPTION.
 */
export function buildCompactNetwork(
  given: CompactOptions,
  { input, rng }: Pick<BuildOptions, 'input' | 'rng'>,
): ScopedUpscalingNetwork {
  const { scale, features, blocks } = resolveCompactOptions(given)
  const { channels } = imageShape('compact upscaler', input)
  const scope = variableScope({ rng })
  const convolution = (at: VariableScope, inputChannels: number, filters: number, initialiser = heNormal()) =>
    conv2d(at, { inputChannels, filters, kernel: 3, bias: true, initialiser })
  const head = sequential(convolution(scope.child('head'), channels, features), relu())
  const body = Array.from({ length: blocks }, (_, index): Layer => {
    const own = scope.child(`block_${index}`)
    const first = convolution(own.child('first'), features, features)
    const second = convolution(own.child('second'), features, features, zeros)
    return (x, mode) => tf.add(x, second(tf.relu(first(x, mode)), mode))
  })
  const last = convolution(scope.child('last'), features, channels * scale * scale, zeros)
  const shuffle = pixelShuffle({ factor: scale })
  const bicubic = bicubicUpsampling({ factor: scale })
  const upscale: Layer = (lr, mode) => {
    let x = head(tf.mul(subtractMean(lr), 1 / RANGE), mode)
    for (const block of body) {
      const run = () => block(x, mode)
      x = mode.training ? run() : tf.tidy(run)
    }
    return tf.add(bicubic(lr, mode), tf.mul(shuffle(last(x, mode), mode), RANGE))
  }
  return upscalingNetwork({ scope, scale, input, outputs: (lr, mode) => [upscale(lr, mode)] })
}
