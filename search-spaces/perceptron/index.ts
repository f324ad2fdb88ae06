/** Perceptrons for tables, in residual form. */
import * as tf from '@tensorflow/tfjs-core'
import { type Infer, oneOf, product } from '../../core/space/index.ts'
import {
  batchNorm,
  dense,
  dropout,
  type Layer,
  network,
  type ScopedNetwork,
  variableScope,
} from '../../core/tensor/index.ts'
import type { BuildOptions, NetworkCost } from '../../core/trainer.ts'
import { error } from '../errors.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'

/**
 * The decisions of a residual perceptron: a first dense layer (for one-hot features an embedding), then blocks x +
 * W₂·dropout(relu(W₁·norm(x))), then normalisation, ReLU and the output (the residual form of Gorishniy et al., 2021,
 * arXiv:2106.11959).
 */
export const perceptronDecisions = () =>
  product({ width: oneOf(32, 64, 128, 256), blocks: oneOf(1, 2, 3), dropout: oneOf(0, 0.1, 0.3) })

export type PerceptronArchitecture = Infer<ReturnType<typeof perceptronDecisions>>

function inputsOf(input: readonly number[]): number {
  if (input.length !== 1 || !(Number.isInteger(input[0]) && input[0]! > 0))
    throw error('ARCHLOOM_SPACE_FEATURES', { space: 'perceptron', received: input })
  return input[0]!
}

export function buildPerceptron(
  { width, blocks, dropout: rate }: PerceptronArchitecture,
  { input, classes, rng }: BuildOptions,
): ScopedNetwork {
  const inputs = inputsOf(input)
  const scope = variableScope({ rng })
  const first = dense(scope.child('first'), { inputs, units: width })
  const drop = dropout({ rate })
  const block = (index: number): Layer => {
    const own = scope.child(`block_${index}`)
    const norm = batchNorm(own.child('norm'), { channels: width })
    const up = dense(own.child('up'), { inputs: width, units: width })
    const down = dense(own.child('down'), { inputs: width, units: width })
    return (x, mode) => tf.add(x, down(drop(tf.relu(up(norm(x, mode), mode)), mode), mode))
  }
  const all = Array.from({ length: blocks }, (_, index) => block(index))
  const norm = batchNorm(scope.child('norm'), { channels: width, relu: true })
  const last = dense(scope.child('last'), { inputs: width, units: classes })
  return network({
    scope,
    inputShape: [inputs],
    outputShape: [classes],
    apply: (x, mode) =>
      last(
        norm(
          all.reduce((y, layer) => layer(y, mode), first(x, mode)),
          mode,
        ),
        mode,
      ),
  })
}

export function perceptronCost(
  { width, blocks }: PerceptronArchitecture,
  { input, classes }: Pick<BuildOptions, 'input' | 'classes'>,
): NetworkCost {
  const inputs = inputsOf(input)
  const multiplyAdds = inputs * width + 2 * blocks * width * width + width * classes
  const biases = width + 2 * blocks * width + classes
  return { multiplyAdds, parameters: multiplyAdds + biases + 2 * width * (blocks + 1) }
}

/** Width, number of blocks and dropout of a residual perceptron; inputs are [features]. */
export const perceptronSpace = (): NetworkSpace<PerceptronArchitecture, Readonly<Record<string, never>>> =>
  defineNetworkSpace('perceptron', perceptronDecisions(), {
    options: {},
    origin: { factory: 'perceptronSpace', room: 'perceptron', given: {} },
    cost: perceptronCost,
    build: buildPerceptron,
  })
