import * as tf from '@tensorflow/tfjs-core'
import { optionsFor, required, value, whole } from '../../core/options/index.ts'
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
import { imageShape } from '../operations/cost.ts'
import { bicubicPhases } from './interpolation.ts'
import { type ScopedUpscalingNetwork, subtractMean, upscalingNetwork } from './upscaler.ts'

export interface CompactOptions {
  /** Enlargement: 2, 3 or 4. */
  readonly scale: number
  /** Channels of every layer except the last. Default: 32. */
  readonly features?: number
  /** Residual blocks of two convolutions. Default 5. */
  readonly blocks?: number
}

export interface ResolvedCompactOptions {
  readonly scale: number
  readonly features: number
  readonly blocks: number
}

const declared = optionsFor<CompactOptions>()('compact upscaler', {
  scale: required(
    value<number>('2, 3 or 4', { holds: (scale) => [2, 3, 4].includes(scale as number), doc: 'Enlargement.' }),
  ),
  features: whole({ min: 1, default: 32, doc: 'Channels of every layer but the last.' }),
  blocks: whole({ min: 1, default: 5, doc: 'Residual blocks of two convolutions.' }),
})
export const resolveCompactOptions = (options: CompactOptions): ResolvedCompactOptions =>
  declared.read(options) as ResolvedCompactOptions

/** Pixels that each side of the receptive field reaches, in the small image. */
export const compactReach = (options: CompactOptions): number => 2 * resolveCompactOptions(options).blocks + 2

/** Divides image values, which reach 255, so that activations are of the order of 1. */
const RANGE = 64

/**
 * A small network for general use: all convolutions at the size of the small image, sub-pixel enlargement at the end
 * (Shi et al., arXiv:1609.05158), and only the difference to the bicubic enlargement is learnt (Kim et al.,
 * arXiv:1511.04587). Initially its result is that of bicubic enlargement. Values are 0 to 255. Error: ARCHLOOM_OPTION.
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
  const bicubic = bicubicPhases({ factor: scale })
  const upscale: Layer = (lr, mode) => {
    let x = head(tf.mul(subtractMean(lr), 1 / RANGE), mode)
    for (const block of body) {
      const run = () => block(x, mode)
      x = mode.training ? run() : tf.tidy(run)
    }
    return shuffle(tf.add(bicubic(lr, mode), tf.mul(last(x, mode), RANGE)), mode)
  }
  return upscalingNetwork({ scope, scale, input, outputs: (lr, mode) => [upscale(lr, mode)] })
}
