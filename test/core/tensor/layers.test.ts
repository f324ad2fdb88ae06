import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  avgPool,
  batchNorm,
  conv2d,
  countTensors,
  dense,
  depthwiseConv2d,
  dropout,
  dropPath,
  factorisedReduction,
  fanInUniform,
  globalAvgPool,
  groupNorm,
  identity,
  type Layer,
  maxPool,
  pixelShuffle,
  prelu,
  sequential,
  transposedConv2d,
  useEngine,
  type VariableScope,
  variableScope,
  zero,
} from '../../../core/tensor/index.ts'
import type { ApplyMode, LinearTap } from '../../../core/trainer.ts'
import { expectClose, expectGradients, sample } from './finite-differences.ts'

await useEngine('cpu')

const evaluate: ApplyMode = { training: false }
const image = sample([2, 5, 7, 4], 'image')

/** Applies a layer made in a scope of its own. */
function apply(make: (scope: VariableScope) => Layer, x = image, mode = evaluate) {
  using scope = variableScope({ rng: seeded(3) })
  const layer = make(scope)
  return tf.tidy(() => {
    const y = layer(x, mode)
    return { shape: y.shape, values: y.dataSync().slice() }
  })
}

it('transposed convolutions start within 1/√(inputs·kernel²/stride²), stride times the bound of PyTorch', () => {
  const scope = variableScope({ rng: seeded('transposed') })
  const form = { inputChannels: 8, filters: 8, kernel: 4, stride: 2, initialiser: fanInUniform() } as const
  transposedConv2d(scope, form)
  const largest = scope.trainable[0]!.dataSync<'float32'>().reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const theirs = 1 / Math.sqrt(8 * 16)
  expect(largest).toBeLessThanOrEqual(2 * theirs)
  expect(largest).toBeGreaterThan(1.98 * theirs)
  scope.dispose()
})

describe('shapes', () => {
  it.each<[string, (scope: VariableScope) => Layer, number[]]>([
    ['conv2d', (s) => conv2d(s, { inputChannels: 4, filters: 6, kernel: 3 }), [2, 5, 7, 6]],
    ['conv2d, stride 2', (s) => conv2d(s, { inputChannels: 4, filters: 6, kernel: [1, 3], stride: 2 }), [2, 3, 4, 6]],
    ['conv2d, padding 1', (s) => conv2d(s, { inputChannels: 4, filters: 6, kernel: 3, stride: 2, padding: 1 }), [2, 3, 4, 6]], // biome-ignore format: one line
    ['conv2d, groups', (s) => conv2d(s, { inputChannels: 4, filters: 6, kernel: 3, groups: 2 }), [2, 5, 7, 6]],
    ['conv2d, stride and dilation 2', (s) => conv2d(s, { inputChannels: 4, filters: 6, kernel: 3, stride: 2, dilation: 2 }), [2, 3, 4, 6]], // biome-ignore format: one line
    ['depthwise', (s) => depthwiseConv2d(s, { channels: 4, kernel: 3, multiplier: 2, stride: 2 }), [2, 3, 4, 8]],
    ['depthwise, stride 2, dilation 3', (s) => depthwiseConv2d(s, { channels: 4, kernel: 3, stride: 2, dilation: 3 }), [2, 3, 4, 4]], // biome-ignore format: one line
    ['transposed', (s) => transposedConv2d(s, { inputChannels: 4, filters: 3, kernel: 3, stride: 2 }), [2, 10, 14, 3]],
    ['factorised reduction', (s) => factorisedReduction(s, { inputChannels: 4, filters: 6 }), [2, 3, 4, 6]],
    ['max pool', () => maxPool({ kernel: 3, stride: 2 }), [2, 3, 4, 4]],
    ['average pool', () => avgPool({ kernel: 2, stride: 2, padding: 'valid' }), [2, 2, 3, 4]],
    ['global average pool', () => globalAvgPool(), [2, 4]],
    ['pixel shuffle', () => pixelShuffle({ factor: 2 }), [2, 10, 14, 1]],
    ['zero', () => zero({ stride: 2 }), [2, 3, 4, 4]],
    ['identity', () => identity(), [2, 5, 7, 4]],
    ['prelu', (s) => prelu(s, { channels: 4 }), [2, 5, 7, 4]],
    ['dense on the last axis', (s) => dense(s, { inputs: 4, units: 9 }), [2, 5, 7, 9]],
  ])('%s', (_name, make, shape) => {
    expect(apply(make).shape).toEqual(shape)
  })
})

describe('values', () => {
  const naive = (x: tf.Tensor, w: tf.Tensor, stride: number, dilation: number, top: number, left: number) => {
    const [n, h, width, c] = x.shape as [number, number, number, number]
    const [kh, kw, , o] = w.shape as [number, number, number, number]
    const [xs, ws] = [x.arraySync() as number[][][][], w.arraySync() as number[][][][]]
    const out: number[] = []
    for (let b = 0; b < n; b++)
      for (let i = 0; i < Math.ceil(h / stride); i++)
        for (let j = 0; j < Math.ceil(width / stride); j++)
          for (let f = 0; f < o; f++) {
            let sum = 0
            for (let k = 0; k < kh; k++)
              for (let l = 0; l < kw; l++)
                for (let ch = 0; ch < c; ch++)
                  sum +=
                    (xs[b]?.[i * stride + k * dilation - top]?.[j * stride + l * dilation - left]?.[ch] ?? 0) *
                    (ws[k]?.[l]?.[ch]?.[f] as number)
            out.push(sum)
          }
    return out
  }

  // Same padding in all is max(0, (⌈n/s⌉ − 1)·s + (k − 1)·d + 1 − n), the smaller half before.
  it.each([
    [2, 2, 2, 2],
    [2, 3, 3, 3],
    [3, 2, 1, 2],
    [4, 2, 2, 1],
  ])('conv2d with stride %i and dilation %i is the plain sum', (stride, dilation, top, left) => {
    using scope = variableScope({ rng: seeded(3) })
    const layer = conv2d(scope, { inputChannels: 4, filters: 3, kernel: 3, stride, dilation })
    tf.tidy(() => {
      const pads = [5, 7].map((n) =>
        Math.floor(Math.max(0, (Math.ceil(n / stride) - 1) * stride + 2 * dilation + 1 - n) / 2),
      )
      expect(pads).toEqual([top, left])
      const expected = naive(image, scope.trainable[0] as tf.Tensor, stride, dilation, top, left)
      expectClose(layer(image, evaluate).dataSync(), expected)
      expectGradients((x) => layer(x, evaluate), [image], { probes: 6 })
    })
  })

  it('grouped convolution keeps groups apart', () => {
    using scope = variableScope({ rng: seeded(3) })
    const layer = conv2d(scope, { inputChannels: 4, filters: 6, kernel: 3, groups: 2 })
    tf.tidy(() => {
      const kernel = scope.trainable[0] as tf.Tensor
      const zeros = tf.zeros([3, 3, 2, 3])
      const [left, right] = tf.split(kernel, 2, 3) as [tf.Tensor, tf.Tensor]
      const whole = tf.concat([tf.concat([left, zeros], 2), tf.concat([zeros, right], 2)], 3)
      expectClose(layer(image, evaluate).dataSync(), tf.conv2d(image as tf.Tensor4D, whole as tf.Tensor4D, 1, 'same').dataSync()) // biome-ignore format: one line
    })
  })

  it('average pooling does not count padding', () => {
    const { values } = apply(() => avgPool({ kernel: 3 }), tf.ones([1, 4, 4, 1]))
    expectClose(values, new Array(16).fill(1))
  })

  it('the second half of a factorised reduction sees the odd pixels', () => {
    using scope = variableScope({ rng: seeded(3), normalisation: () => identity() })
    const layer = factorisedReduction(scope, { inputChannels: 1, filters: 2 })
    const ones = scope.list().map(({ path }) => ({ name: path, shape: [1, 1, 1, 1], data: Float32Array.of(1) }))
    scope.load(ones)
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1])
    tf.tidy(() => {
      expect([...layer(x, evaluate).dataSync()]).toEqual([1, 5, 3, 0, 7, 0, 9, 0])
    })
  })

  it('zero passes neither values nor gradients', () => {
    expect(apply(() => zero()).values.every((value) => value === 0)).toBe(true)
    expect(
      tf.tidy(
        () =>
          tf
            .grad((x) => tf.add(tf.sum(x), tf.sum(zero()(x, evaluate))))(image)
            .dataSync()[0],
      ),
    ).toBe(1)
  })

  it('pixel shuffle moves channels into pixels', () => {
    const { values } = apply(() => pixelShuffle({ factor: 2 }), tf.tensor4d([1, 2, 3, 4], [1, 1, 1, 4]))
    expect([...values]).toEqual([1, 2, 3, 4])
  })
})

describe('batch norm', () => {
  const batch = sample([4, 3, 3, 2], 'batch', -1, 3)

  it('normalises by the batch while training and moves the running statistics, inside a gradient', () => {
    using scope = variableScope({ rng: seeded(1) })
    const layer = batchNorm(scope, { channels: 2, momentum: 0.8, epsilon: 1e-5 })
    const { mean, variance } = tf.moments(batch, [0, 1, 2])
    tf.tidy(() => {
      const { value } = tf.variableGrads(
        () => tf.mean(tf.square(layer(batch, { training: true }))) as tf.Scalar,
        [...scope.trainable],
      )
      expect(value.dataSync()[0]).toBeCloseTo(1, 3)
    })
    const [movingMean, movingVariance] = scope.stateful.map((variable) => variable.dataSync())
    expectClose(
      movingMean as Float32Array,
      [...mean.dataSync()].map((m) => 0.2 * m),
    )
    // n − 1 in the running variance: 36 values a channel.
    expectClose(
      movingVariance as Float32Array,
      [...variance.dataSync()].map((v) => 0.8 + (0.2 * v * 36) / 35),
    )
  })

  it('uses the running statistics in evaluation, and does not move them', () => {
    using scope = variableScope({ rng: seeded(1) })
    const layer = batchNorm(scope, { channels: 2, epsilon: 0 })
    scope.load(
      Object.entries({ gamma: [2, 1], beta: [1, 0], moving_mean: [1, 2], moving_variance: [4, 1] }).map(
        ([name, data]) => ({ name, shape: [2], data: Float32Array.from(data) }),
      ),
    )
    tf.tidy(() => {
      expect([...layer(tf.tensor2d([[3, 2]]), evaluate).dataSync()]).toEqual([3, 0])
    })
    expect([...(scope.stateful[0]?.dataSync() ?? [])]).toEqual([1, 2])
  })

  it('has neither scale nor offset when not affine, and cuts negatives with relu', () => {
    using scope = variableScope({ rng: seeded(1) })
    const layer = batchNorm(scope, { channels: 2, affine: false, relu: true })
    expect(scope.trainable).toHaveLength(0)
    tf.tidy(() => {
      expect(Math.min(...layer(batch, { training: true }).dataSync())).toBe(0)
    })
  })

  it('has gradients that agree with central differences', () => {
    using scope = variableScope({ rng: seeded(1) })
    const layer = batchNorm(scope, { channels: 2, relu: true })
    expectGradients((x) => layer(x, { training: true }), [batch], { step: 2e-3, tolerance: 2e-2 })
  })

  it('leaves no tensor', async () => {
    const left = await countTensors(() => {
      using scope = variableScope({ rng: seeded(1) })
      const layer = batchNorm(scope, { channels: 2 })
      for (let i = 0; i < 3; i++)
        tf.tidy(() => {
          tf.variableGrads(() => tf.sum(layer(batch, { training: true })), [...scope.trainable])
        })
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })
})

it('group norm gives each group of each example mean 0 and variance 1', () => {
  const { values, shape } = apply((scope) => groupNorm(scope, { channels: 4, groups: 2 }))
  tf.tidy(() => {
    const grouped = tf.reshape(tf.tensor(values, shape), [2, 35, 2, 2])
    const { mean, variance } = tf.moments(grouped, [1, 3])
    expectClose(tf.add(mean, 1).dataSync(), [1, 1, 1, 1], 1e-3)
    expectClose(variance.dataSync(), [1, 1, 1, 1], 1e-3)
  })
})

describe('random layers', () => {
  it('drop-path drops whole examples at its rate, keeps the expectation, and repeats', () => {
    const x = tf.ones([4000, 1, 1, 2])
    const draw = () => apply(() => dropPath(), x, { training: true, rng: seeded(9), dropPath: 0.3 }).values
    const values = draw()
    const kept = [...values].filter((value) => value > 0)
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.7)]))
    for (let i = 0; i < values.length; i += 2) expect(values[i]).toBe(values[i + 1])
    // Four standard deviations of a binomial share over 4,000 examples.
    expect(Math.abs(kept.length / values.length - 0.7)).toBeLessThan(4 * Math.sqrt(0.21 / 4000))
    expect(draw()).toEqual(values)
  })

  it('dropout drops single values', () => {
    const x = tf.ones([2000, 5])
    const { values } = apply(() => dropout({ rate: 0.5 }), x, { training: true, rng: seeded(9) })
    const kept = [...values].filter((value) => value > 0).length
    expect(Math.abs(kept / 10_000 - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / 10_000))
  })

  it('both are the identity in evaluation, and at rate 0', () => {
    const mode = { training: true, rng: seeded(1), dropPath: 0 }
    expect(apply(() => dropPath(), image, { ...mode, training: false, dropPath: 0.9 }).values).toEqual(image.dataSync())
    expect(apply(() => dropPath(), image, mode).values).toEqual(image.dataSync())
    expect(apply(() => dropout({ rate: 0.9 })).values).toEqual(image.dataSync())
  })

  it('ARCHLOOM_LAYER_NEEDS_RANDOMNESS without an rng', () => {
    expect(() => apply(() => dropout({ rate: 0.5 }), image, { training: true })).toThrow(
      'ARCHLOOM_LAYER_NEEDS_RANDOMNESS',
    )
  })
})

describe('tap', () => {
  it('is called by every linear layer while training, with kernel, input and geometry', () => {
    using scope = variableScope({ rng: seeded(1) })
    const layers = sequential(
      conv2d(scope.child('c'), { inputChannels: 4, filters: 4, kernel: 3, groups: 2 }),
      depthwiseConv2d(scope.child('d'), { channels: 4, kernel: 3, dilation: 2 }),
      transposedConv2d(scope.child('t'), { inputChannels: 4, filters: 3, kernel: 2, stride: 2 }),
      globalAvgPool(),
      dense(scope.child('f'), { inputs: 3, units: 2 }),
    )
    const uses: LinearTap[] = []
    const tap = (use: LinearTap) => uses.push(use)
    tf.tidy(() => layers(image, { training: false, tap }))
    expect(uses).toEqual([])
    tf.tidy(() => layers(image, { training: true, tap }))
    expect(uses.map(({ name, geometry, input }) => [name, geometry.kind, input.shape])).toEqual([
      ['c/kernel', 'convolution', [2, 5, 7, 4]],
      ['d/kernel', 'depthwise-convolution', [2, 5, 7, 4]],
      ['t/kernel', 'transposed-convolution', [2, 5, 7, 4]],
      ['f/kernel', 'dense', [2, 3]],
    ])
    expect(uses[1]?.geometry).toEqual({
      kind: 'depthwise-convolution',
      kernel: [3, 3],
      stride: 1,
      dilation: 2,
      padding: 'same',
      groups: 4,
    })
    expect(uses.map(({ kernel }) => kernel)).toEqual(scope.trainable.filter(({ rank }) => rank > 1))
  })
})

it('groups of group normalisation have more than one value, even at a single position', () => {
  const vector = sample([3, 8], 'vector')
  const { values } = apply((scope) => groupNorm(scope, { channels: 8 }), vector)
  // Two groups of four: each is of mean 0, and no value is lost in it.
  for (let start = 0; start < 24; start += 4) {
    const group = [...values].slice(start, start + 4)
    expect(group.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 4)
    expect(new Set(group).size).toBe(4)
  }
  expect(() => apply((scope) => groupNorm(scope, { channels: 8, groups: 8 }), vector)).toThrow(
    /ARCHLOOM_OPTION.*groups.*one value/,
  )
})

it('ARCHLOOM_OPTION names layer, option and value', () => {
  using scope = variableScope({ rng: seeded(1) })
  const code = 'ARCHLOOM_OPTION'
  expect(() => conv2d(scope, { inputChannels: 4, filters: 0, kernel: 3 })).toThrow(code)
  expect(() => conv2d(scope, { inputChannels: 4, filters: 6, kernel: 3, groups: 4 })).toThrow('"groups" is 4')
  expect(() => conv2d(scope, { inputChannels: 4, filters: 6, kernel: 3, padding: -1 })).toThrow(code)
  expect(() => dropout({ rate: 1 })).toThrow(code)
  expect(() => factorisedReduction(scope, { inputChannels: 4, filters: 5 })).toThrow(code)
  expect(() => groupNorm(scope, { channels: 4, groups: 3 })).toThrow(code)
  expect(scope.list()).toEqual([])
})
