/** Searched networks of depthwise convolutions, each beside a residual network of about as many multiply-adds. */
import * as tf from '@tensorflow/tfjs-core'
import { seeded } from '../../../core/random.ts'
import { l1Loss, momentum, softmaxCrossEntropy, trainStep } from '../../../core/tensor/index.ts'
import type { Network } from '../../../core/trainer.ts'
import { cellSpace } from '../../../search-spaces/cell/index.ts'
import { DARTS_V2 } from '../../../search-spaces/cell/published.ts'
import { convnetSpace } from '../../../search-spaces/convnet/index.ts'
import {
  baselineChannels,
  baselineCost,
  buildBaselineNetwork,
  HNAS_A,
  superResolutionSpace,
} from '../../../search-spaces/super-resolution/index.ts'
import type { MakeStep } from '../train-step/nets.ts'

export interface Measured {
  readonly name: string
  readonly multiplyAdds: number
  readonly make: MakeStep
}
type Built = Pick<Network, 'apply' | 'trainable'>

/** Steps of stochastic gradient descent on one batch of random images. */
function training(build: () => Built, input: number[], loss: (y: tf.Tensor, x: tf.Tensor) => tf.Scalar): MakeStep {
  return () => {
    const net = build()
    const rng = seeded(2)
    const x = tf.randomNormal(input, 0, 1, 'float32', 1)
    const optimizer = momentum({ learningRate: 0.01, momentum: 0.9, weightDecay: 5e-4 })
    return () =>
      trainStep({
        variables: net.trainable,
        optimizer,
        loss: () => loss(net.apply(x, { training: true, rng }), x),
      }).loss
  }
}

const batch = 32
const classified = (y: tf.Tensor) =>
  softmaxCrossEntropy(
    y,
    tf.tensor1d(
      Array.from({ length: batch }, (_, i) => i % 10),
      'int32',
    ),
  )

const form = { input: [32, 32, 3], classes: 10 }
const cells = cellSpace({ channels: 8, cells: 3 })
const residual = {
  width: 8,
  form: 'residual',
  stages: Array.from({ length: 3 }, () => ({ depth: 2, kernel: 3 })),
  normalisation: 'batch-norm',
  reduction: 'stride',
  head: 'mean',
} as const
const convnets = convnetSpace({ widths: [8], stages: { min: 1, max: 3 }, maxDepth: 3 })

const patch = 16
const small = [patch, patch, 3]
const upscaled = (y: tf.Tensor) => l1Loss(y, tf.zerosLike(y))
const shape = { scale: 2, cells: 12, nodes: 4 } as const
const upscalers = superResolutionSpace({ ...shape, channels: 8, normalised: false })
const { multiplyAdds } = upscalers.cost(HNAS_A, { input: small, classes: 0 })
const fixed = { ...shape, block: 'residual' } as const
const baseline = { ...fixed, channels: baselineChannels(fixed, multiplyAdds, small) }
const patches = [8, ...small]

export const pairs: readonly { readonly searched: Measured; readonly residual: Measured }[] = [
  {
    searched: {
      name: 'DARTS cells of 8 channels',
      multiplyAdds: cells.cost(DARTS_V2, form).multiplyAdds,
      make: training(() => cells.build(DARTS_V2, { ...form, rng: seeded(1) }), [batch, ...form.input], classified),
    },
    residual: {
      name: 'residual network of 8 to 32 channels',
      multiplyAdds: convnets.cost(residual, form).multiplyAdds,
      make: training(() => convnets.build(residual, { ...form, rng: seeded(1) }), [batch, ...form.input], classified),
    },
  },
  {
    searched: {
      name: 'HNAS-A of 8 channels',
      multiplyAdds,
      make: training(() => upscalers.build(HNAS_A, { input: small, classes: 0, rng: seeded(1) }), patches, upscaled),
    },
    residual: {
      name: `residual upscaler of ${baseline.channels} channels`,
      multiplyAdds: baselineCost(baseline, small).multiplyAdds,
      make: training(() => buildBaselineNetwork(baseline, { input: small, rng: seeded(1) }), patches, upscaled),
    },
  },
]
