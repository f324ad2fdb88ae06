/** The three training steps of the benchmark; reference.py builds the same in PyTorch. */
import * as tf from '@tensorflow/tfjs-core'
import { seeded } from '../../../core/random.ts'
import {
  adam,
  avgPool,
  batchNorm,
  conv2d,
  dense,
  depthwiseConv2d,
  globalAvgPool,
  type Layer,
  l1Loss,
  maxPool,
  momentum,
  pixelShuffle,
  relu,
  sequential,
  softmaxCrossEntropy,
  trainStep,
  type VariableScope,
  variableScope,
} from '../../../core/tensor/index.ts'

/** Builds a network with its data; what it returns runs one step and gives the loss. */
export type MakeStep = () => () => number

const mode = { training: true } as const
const images = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed)

/** Seven conv-bn-relu layers of 32 to 128 channels, mean, dense; batch 64, 32×32: 18.46 GFLOP a step. */
const convNet: MakeStep = () => {
  const scope = variableScope({ rng: seeded(1) })
  const widths = [
    [3, 32, 1],
    [32, 32, 1],
    [32, 32, 1],
    [32, 64, 2],
    [64, 64, 1],
    [64, 128, 2],
    [128, 128, 1],
  ] as const
  const net = sequential(
    ...widths.flatMap(([inputChannels, filters, stride], i) => {
      const at = scope.child(`layer${i}`)
      return [
        conv2d(at, { inputChannels, filters, kernel: 3, stride, padding: 1 }),
        batchNorm(at, { channels: filters, relu: true }),
      ]
    }),
    globalAvgPool(),
    dense(scope.child('classes'), { inputs: 128, units: 10 }),
  )
  const x = images([64, 32, 32, 3], 1)
  const labels = tf.tensor1d(
    Array.from({ length: 64 }, (_, i) => i % 10),
    'int32',
  )
  const optimizer = momentum({ learningRate: 0.05, momentum: 0.9 })
  return () =>
    trainStep({ variables: scope.trainable, optimizer, loss: () => softmaxCrossEntropy(net(x, mode), labels) }).loss
}

type Operation = (scope: VariableScope, channels: number, stride: number) => Layer

const separable =
  (kernel: number, dilation: number): Operation =>
  (scope, channels, stride) =>
    sequential(
      relu(),
      depthwiseConv2d(scope.child('depthwise'), { channels, kernel, stride, dilation, padding: 'same' }),
      conv2d(scope.child('pointwise'), { inputChannels: channels, filters: channels, kernel: 1 }),
      batchNorm(scope.child('norm'), { channels, affine: false }),
    )

const twice =
  (operation: Operation): Operation =>
  (scope, channels, stride) =>
    sequential(operation(scope.child('first'), channels, stride), operation(scope.child('second'), channels, 1))

const normalised =
  (pool: typeof maxPool): Operation =>
  (scope, channels, stride) =>
    sequential(pool({ kernel: 3, stride, padding: 'same' }), batchNorm(scope, { channels, affine: false }))

/** The operations of a DARTS edge (Liu et al., 2019), without skip and none, which cost nothing. */
const operations: Readonly<Record<string, Operation>> = {
  sep3: twice(separable(3, 1)),
  sep5: twice(separable(5, 1)),
  dil3: separable(3, 2),
  dil5: separable(5, 2),
  max: normalised(maxPool),
  avg: normalised(avgPool),
}

/** One edge: all operations, weighted by softmax(α). */
function mixed(scope: VariableScope, channels: number): Layer {
  const layers = Object.entries(operations).map(([name, operation]) => operation(scope.child(name), channels, 1))
  const alpha = scope.weight('alpha', [layers.length + 1], () => new Float32Array(layers.length + 1))
  return (x, applied) => {
    const weights = tf.unstack(tf.softmax(alpha as tf.Tensor))
    const all = [x, ...layers.map((layer) => layer(x, applied))]
    return tf.addN(all.map((y, i) => tf.mul(y, weights[i] as tf.Tensor)))
  }
}

/** A small DARTS-like supernet: two cells of three mixed edges, 16 and 32 channels, batch 32, 32×32. */
const supernet: MakeStep = () => {
  const scope = variableScope({ rng: seeded(2) })
  const cell = (name: string, channels: number): Layer => {
    const [a, b, c] = ['a', 'b', 'c'].map((edge) => mixed(scope.child(name).child(edge), channels)) as [
      Layer,
      Layer,
      Layer,
    ]
    return (x, applied) => {
      const first = a(x, applied)
      return tf.add(b(x, applied), c(first, applied))
    }
  }
  const net = sequential(
    conv2d(scope.child('stem'), { inputChannels: 3, filters: 16, kernel: 3, padding: 1 }),
    batchNorm(scope.child('stem'), { channels: 16, relu: true }),
    cell('cell1', 16),
    conv2d(scope.child('reduce'), { inputChannels: 16, filters: 32, kernel: 3, stride: 2, padding: 1 }),
    batchNorm(scope.child('reduce'), { channels: 32, relu: true }),
    cell('cell2', 32),
    globalAvgPool(),
    dense(scope.child('classes'), { inputs: 32, units: 10 }),
  )
  const x = images([32, 32, 32, 3], 2)
  const labels = tf.tensor1d(
    Array.from({ length: 32 }, (_, i) => i % 10),
    'int32',
  )
  const optimizer = momentum({ learningRate: 0.025, momentum: 0.9, weightDecay: 3e-4 })
  return () =>
    trainStep({ variables: scope.trainable, optimizer, loss: () => softmaxCrossEntropy(net(x, mode), labels) }).loss
}

/** A residual super-resolution network: 3×3, 32 channels, four blocks, pixel shuffle by 2; batch 16, 32×32 → 64×64. */
const superResolution: MakeStep = () => {
  const scope = variableScope({ rng: seeded(3) })
  const conv = (name: string, inputChannels: number, filters: number) =>
    conv2d(scope.child(name), { inputChannels, filters, kernel: 3, padding: 1, bias: true })
  const blocks = [0, 1, 2, 3].map((i) => sequential(conv(`block${i}a`, 32, 32), relu(), conv(`block${i}b`, 32, 32)))
  const head = conv('head', 3, 32)
  const tail = sequential(conv('tail', 32, 12), pixelShuffle({ factor: 2 }))
  const x = images([16, 32, 32, 3], 3)
  const target = images([16, 64, 64, 3], 4)
  const optimizer = adam({ learningRate: 1e-4 })
  const net: Layer = (input, applied) =>
    tail(
      blocks.reduce((y, block) => tf.add(y, block(y, applied)), head(input, applied)),
      applied,
    )
  return () => trainStep({ variables: scope.trainable, optimizer, loss: () => l1Loss(net(x, mode), target) }).loss
}

export const nets: Readonly<Record<string, MakeStep>> = {
  'conv-net': convNet,
  'darts-supernet': supernet,
  'super-resolution': superResolution,
}
