/** What every engine that trains must do, with the cpu engine as the reference. */
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import {
  avgPool,
  batchNorm,
  conv2d,
  dense,
  depthwiseConv2d,
  type EngineReport,
  globalAvgPool,
  maxPool,
  momentum,
  network,
  relu,
  type ScopedNetwork,
  sequential,
  softmaxCrossEntropy,
  trainStep,
  trainStepAsync,
  useEngine,
  variableScope,
} from '../../core/tensor/index.ts'

const uniform = (shape: readonly number[], label: string): tf.Tensor => {
  const rng = seeded(label)
  const size = shape.reduce((product, each) => product * each, 1)
  return tf.tensor(
    Float32Array.from({ length: size }, () => rng.float() * 2 - 1),
    [...shape],
  )
}

/** Largest difference relative to the largest expected value. */
function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length)
  let [scale, gap] = [1e-3, 0]
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]!))
    gap = Math.max(gap, Math.abs(actual[i]! - expected[i]!))
    if (!Number.isFinite(actual[i]!)) return Number.POSITIVE_INFINITY
  }
  return gap / scale
}

async function on<T>(backend: string, work: () => T | Promise<T>): Promise<T> {
  await tf.setBackend(backend)
  return work()
}

/** Value and gradients of f in its inputs, against a fixed direction that tells the outputs apart. */
const gradientsOf = (f: (...x: tf.Tensor[]) => tf.Tensor, shapes: readonly (readonly number[])[]) =>
  tf.tidy(() => {
    const inputs = shapes.map((shape, i) => uniform(shape, `input ${i}`))
    const { value, grads } = tf.valueAndGrads((...x: tf.Tensor[]) => {
      const y = f(...x)
      return tf.sum(tf.mul(y, uniform(y.shape, 'direction')))
    })(inputs)
    return [value, ...grads].map((tensor) => tensor.dataSync().slice())
  })

const size = fc.integer({ min: 1, max: 9 })
const channels = fc.integer({ min: 1, max: 6 })

const geometry = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    height: size,
    width: size,
    inputs: channels,
    outputs: channels,
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    stride: fc.integer({ min: 1, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    pad: fc.constantFrom('same' as const, 'valid' as const, 1),
  })
  // Padded by a number, tfjs takes the kernel's height for its width too.
  .map(({ kernel: [height, width], ...rest }) => ({
    ...rest,
    kernel: [height, typeof rest.pad === 'number' ? height : width] as [number, number],
  }))
  .filter(({ stride, dilation }) => stride === 1 || dilation === 1)
  .filter(({ height, width, kernel, dilation, pad }) => {
    const border = typeof pad === 'number' ? 2 * pad : 0
    const fits = (size: number, taps: number) => size + border > (taps - 1) * dilation
    return pad === 'same' || (fits(height, kernel[0]) && fits(width, kernel[1]))
  })

interface Composition {
  readonly f: (...x: tf.Tensor[]) => tf.Tensor
  readonly shapes: readonly (readonly number[])[]
}

const broadcast = [
  [2, 4, 5],
  [4, 5],
]
const compositions: Record<string, Composition> = {
  'broadcast sums and products': {
    f: (a: tf.Tensor, b: tf.Tensor) => tf.add(tf.mul(a, b), tf.div(a, tf.add(b, 3))),
    shapes: broadcast,
  },
  activations: {
    f: (a: tf.Tensor, b: tf.Tensor) => tf.add(tf.mul(tf.sigmoid(a), tf.tanh(b)), tf.add(tf.relu(a), tf.exp(b))),
    shapes: broadcast,
  },
  softmax: {
    f: (a: tf.Tensor, b: tf.Tensor) => tf.mul(tf.softmax(a), tf.logSoftmax(tf.add(a, b))),
    shapes: broadcast,
  },
  reductions: {
    f: (a: tf.Tensor, b: tf.Tensor) => tf.add(tf.mean(tf.square(a), [0, 1], true), tf.max(tf.mul(a, b), -1, true)),
    shapes: broadcast,
  },
  'slices and joins': {
    f: (a: tf.Tensor, b: tf.Tensor) => tf.concat([tf.slice(a, [0, 1, 0], [2, 2, 5]), tf.tile(b, [2, 1, 1])], 1),
    shapes: [
      [2, 4, 5],
      [1, 3, 5],
    ],
  },
}

/** Registers the tests of an engine; `runs` shrinks the property tests of slow ones. */
export function engineContract(name: string, { runs = 20, tolerance = 1e-4 } = {}): void {
  let report: EngineReport
  beforeAll(async () => {
    report = await useEngine(name)
  }, 120_000)

  const expectSameGradients = async (
    f: (...x: tf.Tensor[]) => tf.Tensor,
    shapes: readonly (readonly number[])[],
  ): Promise<void> => {
    const before = tf.memory().numTensors
    const actual = await on(name, () => gradientsOf(f, shapes))
    const expected = await on('cpu', () => gradientsOf(f, shapes))
    await tf.setBackend(name)
    expected.forEach((values, i) => {
      expect(difference(actual[i] as Float32Array, values), i === 0 ? 'value' : `gradient ${i - 1}`).toBeLessThan(
        tolerance,
      )
    })
    expect(tf.memory().numTensors).toBe(before)
  }

  describe(`${name}: gradients equal those of cpu`, () => {
    it('lacks no kernel of training', () => {
      expect(report.name).toBe(name)
      expect(report.missingKernels).toEqual([])
    })

    it('convolution', () =>
      fc.assert(
        fc.asyncProperty(geometry, ({ batch, height, width, inputs, outputs, kernel, stride, dilation, pad }) =>
          expectSameGradients(
            (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad, 'NHWC', dilation),
            [
              [batch, height, width, inputs],
              [...kernel, inputs, outputs],
            ],
          ),
        ),
        { numRuns: runs, seed: 1 },
      ))

    it('depthwise convolution', () =>
      fc.assert(
        fc.asyncProperty(geometry, ({ batch, height, width, inputs, kernel, stride, dilation, pad }) =>
          expectSameGradients(
            (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad, 'NHWC', dilation),
            [
              [batch, height, width, inputs],
              [...kernel, inputs, 1],
            ],
          ),
        ),
        { numRuns: runs, seed: 2 },
      ))

    it('pooling', () =>
      fc.assert(
        fc.asyncProperty(geometry, fc.boolean(), async ({ batch, height, width, inputs, kernel, stride, pad }, mean) =>
          expectSameGradients(
            // A window of padding alone has no value.
            (x) =>
              (mean ? tf.avgPool : tf.maxPool)(x as tf.Tensor4D, Math.min(...kernel) > 1 ? kernel : 2, stride, pad),
            [[batch, height + 2, width + 2, inputs]],
          ),
        ),
        { numRuns: runs, seed: 3 },
      ))

    it('products of matrices, transposed and broadcast', () =>
      fc.assert(
        fc.asyncProperty(size, size, size, fc.boolean(), fc.boolean(), (m, k, n, left, right) =>
          expectSameGradients(
            (a, b) => tf.matMul(a, b, left, right),
            [
              [2, ...(left ? [k, m] : [m, k])],
              [2, ...(right ? [n, k] : [k, n])],
            ],
          ),
        ),
        { numRuns: runs, seed: 4 },
      ))

    it.each(Object.keys(compositions))('%s', (label) => {
      const { f, shapes } = compositions[label] as Composition
      return expectSameGradients(f, shapes)
    })

    it('batch normalisation, transposition, resizing', () =>
      expectSameGradients(
        (x) => {
          using scope = variableScope({ rng: seeded('norm') })
          const normalised = batchNorm(scope, { channels: 3, relu: true })(x, { training: true })
          const turned = tf.transpose(normalised, [0, 2, 1, 3]) as tf.Tensor4D
          return tf.image.resizeBilinear(turned, [9, 7])
        },
        [[2, 4, 5, 3]],
      ))
  })

  describe(`${name}: training`, () => {
    it('follows the cpu engine for some steps', async () => {
      const [actual, expected] = [await on(name, () => train(trainStep)), await on('cpu', () => train(trainStep))]
      await tf.setBackend(name)
      expect(difference(actual.losses, expected.losses)).toBeLessThan(tolerance)
      expect(Object.keys(actual.weights)).toEqual(Object.keys(expected.weights))
      // Batch norm over few values magnifies rounding from step to step.
      for (const [path, values] of Object.entries(expected.weights))
        expect(difference(actual.weights[path] as Float32Array, values), path).toBeLessThan(10 * tolerance)
      expect(expected.losses[3]).toBeLessThan(expected.losses[0]!)
    })

    it('reads the loss with or without waiting, to the same result', async () => {
      await tf.setBackend(name)
      const [waiting, direct] = [await train(trainStepAsync, { steps: 2 }), await train(trainStep, { steps: 2 })]
      expect(difference(waiting.losses, direct.losses)).toBeLessThan(tolerance)
    })

    it('reports a network that has diverged as not finite', async () => {
      await tf.setBackend(name)
      const diverge = ([first]: readonly tf.Variable[]) =>
        tf.tidy(() => (first as tf.Variable).assign(tf.fill((first as tf.Variable).shape, Number.NaN)))
      const loss = await train(trainStep, { steps: 2, prepare: diverge })
      expect(loss.losses.every(Number.isNaN)).toBe(true)
    })

    const ends: Record<string, (x: tf.Tensor) => tf.Tensor> = {
      relu: tf.relu,
      relu6: tf.relu6,
      'clip by value': (x) => tf.clipByValue(x, 0, 1),
      maximum: (x) => tf.maximum(0, x),
      'max pooling': (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'same'),
      'leaky ReLU': (x) => tf.leakyRelu(x, 0.2),
    }
    it.each(Object.keys(ends))('a kernel of NaN before %s makes the loss NaN', async (label) => {
      await tf.setBackend(name)
      using scope = variableScope({ rng: seeded('nan') })
      const apply = sequential(
        conv2d(scope.child('conv'), { inputChannels: 3, filters: 4, kernel: 3 }),
        (x) => ends[label]!(x),
        globalAvgPool(),
        dense(scope.child('head'), { inputs: 4, units: 3 }),
      )
      const [kernel] = scope.trainable as [tf.Variable]
      tf.tidy(() => kernel.assign(tf.fill(kernel.shape, Number.NaN)))
      using optimizer = momentum({ learningRate: 0.1 })
      const { loss } = await trainStepAsync({
        variables: scope.trainable,
        optimizer,
        loss: () =>
          softmaxCrossEntropy(apply(uniform([2, 6, 6, 3], 'x'), { training: true }), tf.tensor1d([0, 2], 'int32')),
      })
      expect(loss).toBeNaN()
    })

    it('keeps the number of tensors over steps', async () => {
      await tf.setBackend(name)
      using net = convNet()
      using optimizer = momentum({ learningRate: 0.05 })
      const step = stepOf(net, optimizer)
      trainStep(step)
      const before = tf.memory().numTensors
      for (let i = 0; i < 3; i++) trainStep(step)
      expect(tf.memory().numTensors).toBe(before)
    })
  })
}

function convNet(): ScopedNetwork {
  const scope = variableScope({ rng: seeded('conv net') })
  const at = (path: string) => scope.child(path)
  const apply = sequential(
    conv2d(at('stem'), { inputChannels: 3, filters: 8, kernel: 3 }),
    batchNorm(at('stem norm'), { channels: 8, relu: true }),
    depthwiseConv2d(at('depthwise'), { channels: 8, kernel: 3, dilation: 2 }),
    conv2d(at('pointwise'), { inputChannels: 8, filters: 8, kernel: 1 }),
    batchNorm(at('pointwise norm'), { channels: 8, relu: true }),
    maxPool({ kernel: 2, stride: 2 }),
    conv2d(at('strided'), { inputChannels: 8, filters: 12, kernel: 3, stride: 2 }),
    relu(),
    avgPool({ kernel: 3, stride: 1 }),
    globalAvgPool(),
    dense(at('head'), { inputs: 12, units: 5 }),
  )
  return network({ scope, inputShape: [8, 8, 3], outputShape: [5], apply })
}

const stepOf = (net: ScopedNetwork, optimizer: tf.Optimizer) => ({
  variables: net.trainable,
  optimizer,
  loss: () => {
    const rng = seeded('labels')
    const labels = tf.tensor1d(
      Array.from({ length: 4 }, () => rng.int(5)),
      'int32',
    )
    return softmaxCrossEntropy(net.apply(uniform([4, 8, 8, 3], 'images'), { training: true }), labels)
  },
})

async function train(
  step: typeof trainStep | typeof trainStepAsync,
  { steps = 4, prepare = (_weights: readonly tf.Variable[]): void => undefined } = {},
) {
  using net = convNet()
  using optimizer = momentum({ learningRate: 0.05, weightDecay: 1e-3 })
  prepare(net.trainable)
  const losses: number[] = []
  for (let i = 0; i < steps; i++) losses.push((await step(stepOf(net, optimizer))).loss)
  const weights = Object.fromEntries((await net.scope.save()).map(({ name, data }) => [name, data]))
  return { losses, weights }
}
