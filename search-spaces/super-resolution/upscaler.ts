import * as tf from '@tensorflow/tfjs-core'
import { type Layer, network, type ScopedNetwork, type VariableScope } from '../../core/tensor/index.ts'
import type { ApplyMode, Network } from '../../core/trainer.ts'

/** A network that enlarges images of any size. Input and output values are 0 to 255. */
export interface UpscalingNetwork extends Network {
  readonly scale: number
  /**
   * [b, h, w, 3] → [b, h·scale, w·scale, 3] for any h and w; `apply` does the same for the declared input shape only.
   */
  upscale(lr: tf.Tensor, mode: ApplyMode): tf.Tensor
  /**
   * The images of all sizes that the network computes, smallest first. The last one is the result of `upscale`; most
   * networks compute only this one.
   */
  outputs(lr: tf.Tensor, mode: ApplyMode): readonly tf.Tensor[]
}

export interface UpscalingParts {
  readonly scope: VariableScope
  readonly scale: number
  /** Shape [height, width, channels] of the images that it is trained on. */
  readonly input: readonly number[]
  readonly outputs: (lr: tf.Tensor, mode: ApplyMode) => readonly tf.Tensor[]
}

export type ScopedUpscalingNetwork = ScopedNetwork & UpscalingNetwork

/** Makes a network from a function that does not depend on the size of the image. */
export function upscalingNetwork({ scope, scale, input, outputs }: UpscalingParts): ScopedUpscalingNetwork {
  const upscale: Layer = (lr, mode) => outputs(lr, mode).at(-1) as tf.Tensor
  const [height = 0, width = 0, channels = 0] = input
  const fixed = network({
    scope,
    inputShape: input,
    outputShape: [height * scale, width * scale, channels],
    apply: upscale,
  })
  return Object.assign(fixed, { scale, upscale, outputs })
}

/**
 * Mean colour of DIV2K, the usual training set of super-resolution. It is subtracted first and added last, and not
 * trained.
 */
export const MEAN_COLOUR = [0.4488, 0.4371, 0.404].map((share) => 255 * share)

const mean = (x: tf.Tensor) => {
  const channels = x.shape.at(-1) as number
  const grey = MEAN_COLOUR.reduce((a, b) => a + b, 0) / 3
  return tf.tensor1d(channels === 3 ? MEAN_COLOUR : new Array<number>(channels).fill(grey))
}

export const subtractMean = (x: tf.Tensor): tf.Tensor => tf.sub(x, mean(x))
export const addMean = (x: tf.Tensor): tf.Tensor => tf.add(x, mean(x))
