import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import {
  conv2d,
  fanInUniform,
  type Layer,
  pixelShuffle,
  sequential,
  type VariableScope,
  variableScope,
  zeros,
} from '../../core/tensor/index.ts'
import {
  addMean,
  bicubicUpsampling,
  residualChannelAttention,
  type ScopedUpscalingNetwork,
  subtractMean,
  upscalingNetwork,
} from '../../search-spaces/super-resolution/index.ts'
import { type DrnOptions, planDrn, REDUCTION } from './network-plan.ts'

export const LEAK = 0.2
const initialiser = fanInUniform()

const convolution = (scope: VariableScope, inputChannels: number, filters: number, kernel = 3, first = initialiser) =>
  conv2d(scope, { inputChannels, filters, kernel, bias: true, initialiser: first })

/** Halves: stride 2, leaky ReLU, then twice the channels; no bias. Also the form of the dual networks. */
export function halving(scope: VariableScope, channels: number, filters: number): Layer {
  const first = { inputChannels: channels, filters: channels, kernel: 3, stride: 2, padding: 1, initialiser } as const
  return sequential(
    conv2d(scope.child('first'), first),
    (x) => tf.leakyRelu(x, LEAK),
    conv2d(scope.child('second'), { inputChannels: channels, filters, kernel: 3, initialiser }),
  )
}

export interface BuildDrnOptions extends DrnOptions {
  /** [height, width, 3] of the small images that it is trained on. */
  readonly input: readonly number[]
  readonly rng: Random
}

const buildDrnNames = optionNames<BuildDrnOptions>('buildDrn', {
  scale: true,
  features: true,
  blocks: true,
  shortcut: true,
  input: true,
  rng: true,
})

/**
 * The primal network P (Guo et al., arXiv:2003.07018, §3.2; layer by layer as released): the image enlarged by bicubic,
 * down to its own size and up again, with copies across, and an image at every size: `outputs` gives ŷ₀ … ŷ_K.
 * The mean colour is fixed, not trained. Error: ARCHLOOM_OPTION.
 */
export function buildDrn(given: BuildDrnOptions): ScopedUpscalingNetwork {
  const { input, rng, ...options } = buildDrnNames(given)
  const { features: f, blocks, levels, stages, scale, shortcut } = planDrn(options)
  const bicubic = shortcut === 'bicubic'
  const scope = variableScope({ rng })
  const enlarge = bicubicUpsampling({ factor: scale })
  const head = convolution(scope.child('head'), 3, f)
  const down = Array.from({ length: levels }, (_, p) => halving(scope.child(`down_${p}`), f * 2 ** p, f * 2 ** (p + 1)))
  const tails = [f * 2 ** levels, ...stages.map(({ kept }) => 2 * kept)].map((channels, level) =>
    convolution(scope.child(`tail_${level}`), channels, 3, 3, bicubic ? zeros : initialiser),
  )
  const sizes = Array.from({ length: levels + 1 }, (_, level) => bicubicUpsampling({ factor: 2 ** level }))
  const up = stages.map(({ channels, kept }, i) => {
    const own = scope.child(`up_${i}`)
    const attention = { channels, bottleneck: Math.floor(channels / REDUCTION), initialiser }
    return sequential(
      ...Array.from({ length: blocks }, (_, b) =>
        thrifty(residualChannelAttention(own.child(`block_${b}`), attention)),
      ),
      convolution(own.child('widen'), channels, 4 * channels),
      pixelShuffle({ factor: 2 }),
      convolution(own.child('narrow'), channels, kept, 1),
    )
  })
  const outputs = (lr: tf.Tensor, mode: Parameters<Layer>[1]) => {
    const enlarged = enlarge(lr, mode)
    const image = (level: number, features: tf.Tensor) => {
      const y = (tails[level] as Layer)(features, mode)
      if (!bicubic) return addMean(y)
      return tf.add(y, level === levels ? enlarged : (sizes[level] as Layer)(lr, mode))
    }
    let x = head(subtractMean(enlarged), mode)
    const copies: tf.Tensor[] = []
    for (const halve of down) {
      copies.push(x)
      x = halve(x, mode)
    }
    const images = [image(0, x)]
    up.forEach((stage, i) => {
      // The enlarged image comes first and the copy second, as in the published weights.
      x = tf.concat([stage(x, mode), copies[levels - 1 - i] as tf.Tensor], 3)
      images.push(image(i + 1, x))
    })
    return images
  }
  return upscalingNetwork({ scope, scale, input, outputs })
}

/** Disposes intermediate tensors at once if no backward pass needs them. */
const thrifty =
  (layer: Layer): Layer =>
  (x, mode) =>
    mode.training ? layer(x, mode) : tf.tidy(() => layer(x, mode))
