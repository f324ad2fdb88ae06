import * as tf from '@tensorflow/tfjs-core'
import {
  batchNorm,
  conv2d,
  dense,
  dropout,
  maxPool,
  network,
  sequential,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { BuildOptions, Network, NetworkCost } from '../../../core/trainer.ts'

/** A convolutional network over time; widths double where the number of steps is halved. */
export interface TemporalArchitecture {
  /** Channels of the first stage. */
  readonly width: number
  /** Stages; each but the first halves the number of steps before it. */
  readonly stages: number
  /** Convolutions of a stage, of which those after the first are added to what they read in residual form. */
  readonly depth: number
  /** Steps that a convolution reads. */
  readonly kernel: number
  readonly form: 'plain' | 'residual'
  /** What is left of time: the mean of the real steps, or their mean and greatest value. */
  readonly pooling: 'mean' | 'mean+max'
  readonly dropout: number
}

interface TemporalForm extends Pick<BuildOptions, 'input' | 'classes'> {
  /** Whether the last channel tells real steps from padding. */
  readonly mask: boolean
}

const widthOf = ({ width }: TemporalArchitecture, stage: number) => width * 2 ** stage
const featuresOf = (architecture: TemporalArchitecture) =>
  widthOf(architecture, architecture.stages - 1) * (architecture.pooling === 'mean' ? 1 : 2)

/**
 * Builds the network: [batch, 1, steps, channels] → logits [batch, classes]. Padding is zero in every layer where there is a
 * mask, and counts neither in the mean nor in the greatest value.
 */
export function buildTemporal(
  architecture: TemporalArchitecture,
  { input, classes, mask, rng }: TemporalForm & Pick<BuildOptions, 'rng'>,
): Network {
  const { stages, depth, kernel, form, pooling, dropout: rate } = architecture
  const scope = variableScope({ rng })
  const channels = input.at(-1)!
  const convolution = (name: string, from: number, to: number, relu: boolean) => {
    const own = scope.child(name)
    return sequential(
      conv2d(own.child('conv'), { inputChannels: from, filters: to, kernel: [1, kernel] }),
      batchNorm(own.child('norm'), { channels: to, relu }),
    )
  }
  const parts = Array.from({ length: stages }, (_, stage) => {
    const to = widthOf(architecture, stage)
    const first = convolution(`stage_${stage}_0`, stage === 0 ? channels : widthOf(architecture, stage - 1), to, true)
    const others = Array.from({ length: depth - 1 }, (_block, i) =>
      convolution(`stage_${stage}_${i + 1}`, to, to, form === 'plain'),
    )
    return { first, others }
  })
  const halve = maxPool({ kernel: [1, 2], stride: 2 })
  const drop = dropout({ rate })
  const classifier = dense(scope.child('classifier'), { inputs: featuresOf(architecture), units: classes })
  // The mask is the last channel: the sum of the channels, all others of which are multiplied by zero.
  const lastOnly = Array.from({ length: channels }, (_, c) => (c === channels - 1 ? 1 : 0))
  return network({
    scope,
    inputShape: [...input],
    outputShape: [classes],
    apply: (x, mode) => {
      let real = mask ? tf.sum(tf.mul(x, tf.tensor1d(lastOnly)), 3, true) : undefined
      const masked = (y: tf.Tensor) => (real ? tf.mul(y, real) : y)
      let y = x
      for (const [stage, { first, others }] of parts.entries()) {
        if (stage > 0) {
          y = halve(y, mode)
          if (real) real = halve(real, mode)
        }
        y = masked(first(y, mode))
        for (const layer of others) {
          const next = layer(y, mode)
          y = masked(form === 'plain' ? next : tf.relu(tf.add(y, next)))
        }
      }
      const mean = real ? tf.div(tf.sum(y, [1, 2]), tf.sum(real, [1, 2])) : tf.mean(y, [1, 2])
      // Values behind a ReLU are not negative, so that padding is never the greatest.
      const pooled = pooling === 'mean' ? mean : tf.concat([mean, tf.max(y, [1, 2])], 1)
      return classifier(drop(pooled, mode), mode)
    },
  })
}

/** Multiply-adds of one series and parameters, without building the network. */
export function temporalCost(
  architecture: TemporalArchitecture,
  { input, classes }: Pick<TemporalForm, 'input' | 'classes'>,
): NetworkCost {
  const { stages, depth, kernel } = architecture
  let [multiplyAdds, parameters, steps, from] = [0, 0, input.at(-2)!, input.at(-1)!]
  for (let stage = 0; stage < stages; stage++) {
    if (stage > 0) steps = Math.ceil(steps / 2)
    const to = widthOf(architecture, stage)
    for (let block = 0; block < depth; block++) {
      const weights = kernel * from * to
      multiplyAdds += steps * weights
      // Scale and offset of the normalisation, without its running statistics.
      parameters += weights + 2 * to
      from = to
    }
  }
  const weights = featuresOf(architecture) * classes
  return { multiplyAdds: multiplyAdds + weights, parameters: parameters + weights + classes }
}

/** The same network, whose outputs are probabilities where it does not train. */
export function withSoftmax(network: Network): Network {
  return {
    inputShape: network.inputShape,
    outputShape: network.outputShape,
    trainable: network.trainable,
    state: network.state,
    apply: (inputs, mode) => (mode.training ? network.apply(inputs, mode) : tf.softmax(network.apply(inputs, mode))),
    [Symbol.dispose]: () => network[Symbol.dispose](),
  }
}
