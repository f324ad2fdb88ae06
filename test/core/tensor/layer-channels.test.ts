import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  batchNorm,
  batchRenorm,
  conv2d,
  dense,
  depthwiseConv2d,
  groupNorm,
  type Layer,
  prelu,
  runningBatchNorm,
  transposedConv2d,
  useEngine,
  type VariableScope,
  variableScope,
} from '../../../core/tensor/index.ts'

const layers: Readonly<Record<string, (scope: VariableScope) => Layer>> = {
  dense: (scope) => dense(scope, { inputs: 4, units: 2 }),
  conv2d: (scope) => conv2d(scope, { inputChannels: 4, filters: 2, kernel: 3 }),
  depthwiseConv2d: (scope) => depthwiseConv2d(scope, { channels: 4, kernel: 3 }),
  transposedConv2d: (scope) => transposedConv2d(scope, { inputChannels: 4, filters: 2, kernel: 4, stride: 2 }),
  batchNorm: (scope) => batchNorm(scope, { channels: 4 }),
  batchRenorm: (scope) => batchRenorm(scope, { channels: 4 }),
  runningBatchNorm: (scope) => runningBatchNorm(scope, { channels: 4 }),
  groupNorm: (scope) => groupNorm(scope, { channels: 4, groups: 2 }),
  prelu: (scope) => prelu(scope, { channels: 4 }),
}

beforeAll(async () => void (await useEngine('cpu')))

// One channel would broadcast, 2 × 2 positions of two channels hold as many numbers as one position of eight.
it.each(Object.keys(layers))('%s takes its own number of channels and refuses others by name', (name) => {
  const scope = variableScope({ rng: seeded(1) })
  const layer = layers[name]!(scope)
  for (const training of [false, true]) {
    const mode = { training, rng: seeded(2) }
    expect(layer(tf.ones([2, 5, 5, 4]), mode).shape[0]).toBe(2)
    for (const channels of [1, 2, 8])
      expect(() => layer(tf.ones([2, 5, 5, channels]), mode)).toThrow(
        new RegExp(
          `^ARCHLOOM_LAYER_CHANNELS: ${name} received a tensor of shape \\[2, ?5, ?5, ?${channels}\\], expected 4`,
        ),
      )
  }
})
