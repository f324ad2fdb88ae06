import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { network, useEngine, variableScope } from '../../../core/tensor/index.ts'
import { exportOnnx, exportQuantisedModel, openOnnx, type QuantiseOptions } from '../../../plugins/onnx/index.ts'
import { graphBuilder, INPUT, type QuantisedModel } from '../../../search-spaces/compression/index.ts'

/** Every width in the long run. */
const slow = process.env.ARCHLOOM_SLOW !== undefined
const LEVELS = ['disabled', 'basic', 'extended', 'all'] as const

beforeAll(async () => {
  await useEngine('cpu')
}, 60_000)

type Weight = (name: string, shape: number[], values?: readonly number[]) => tf.Tensor
type Forward = (x: tf.Tensor, weight: Weight) => tf.Tensor

/** A network of one function; weights are drawn when first asked for, or given. */
function networkOf(inputShape: number[], forward: Forward) {
  const rng = seeded(1)
  const scope = variableScope({ rng })
  const made = new Map<string, tf.Tensor>()
  const weight: Weight = (name, shape, values) => {
    const size = shape.reduce((product, n) => product * n, 1)
    const known = made.get(name) ?? scope.weight(name, shape, () => Float32Array.from(values ?? Array.from({ length: size }, () => rng.float() - 0.5))) // biome-ignore format: one line
    made.set(name, known as tf.Tensor)
    return known as tf.Tensor
  }
  const outputShape = tf.tidy(() => forward(tf.zeros([1, ...inputShape]), weight).shape.slice(1))
  return network({ scope, inputShape, outputShape, apply: (x) => forward(x, weight) })
}

async function outputsOf(model: Uint8Array, x: tf.Tensor): Promise<Float32Array[]> {
  const values = x.dataSync() as Float32Array
  const outputs: Float32Array[] = []
  for (const optimisation of LEVELS) outputs.push(await applied(model, optimisation, x.shape, values))
  return outputs
}

async function applied(model: Uint8Array, optimisation: (typeof LEVELS)[number], dims: number[], values: Float32Array) {
  await using opened = await openOnnx(model, { optimisation })
  return (await opened.apply({ dims, values })).values
}

const largest = (values: Float32Array) => values.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-30)
const distance = (a: Float32Array, b: ArrayLike<number>) =>
  a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0)

const conv = (x: tf.Tensor, kernel: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, 'same')
const matMul = (x: tf.Tensor, kernel: tf.Tensor) => tf.matMul(x as tf.Tensor2D, kernel as tf.Tensor2D)
const enlarged = (x: tf.Tensor, kernel: tf.Tensor) => {
  const [n, h, w] = x.shape as [number, number, number]
  const filters = kernel.shape[2] as number
  return tf.conv2dTranspose(x as tf.Tensor4D, kernel as tf.Tensor4D, [n, 2 * h, 2 * w, filters], 2, 'same')
}
const head: Forward = (x, weight) => conv(tf.relu(x), weight('head', [1, 1, x.shape[3]!, 4]))

/** Layers alone, and before another that reads what they give quantised. */
const forms: Readonly<Record<string, [number[], Forward]>> = {
  'a dense layer': [[64], (x, weight) => matMul(x, weight('kernel', [64, 32]))],
  'two dense layers': [
    [64],
    (x, weight) =>
      matMul(tf.relu(tf.add(matMul(x, weight('kernel', [64, 32])), weight('bias', [32]))), weight('last', [32, 8])),
  ],
  'two convolutions': [
    [6, 6, 16],
    (x, weight) => head(tf.add(conv(x, weight('kernel', [3, 3, 16, 8])), weight('bias', [8])), weight),
  ],
  'a depthwise convolution and another': [
    [6, 6, 8],
    (x, weight) =>
      head(
        tf.add(
          tf.depthwiseConv2d(x as tf.Tensor4D, weight('kernel', [3, 3, 8, 2]) as tf.Tensor4D, 1, 'same'),
          weight('bias', [16]),
        ),
        weight,
      ),
  ],
  'a transposed convolution and another': [
    [5, 5, 16],
    (x, weight) => head(tf.add(enlarged(x, weight('kernel', [3, 3, 8, 16])), weight('bias', [8])), weight),
  ],
  'a transposed convolution of what a convolution gives': [
    [5, 5, 8],
    (x, weight) =>
      head(tf.add(enlarged(conv(x, weight('first', [3, 3, 8, 8])), weight('kernel', [3, 3, 8, 8])), weight('bias', [8])), weight), // biome-ignore format: one line
  ],
  'largest values between convolutions': [
    [6, 6, 8],
    (x, weight) => head(tf.maxPool(tf.relu(conv(x, weight('kernel', [3, 3, 8, 8]))) as tf.Tensor4D, 2, 2, 'valid'), weight), // biome-ignore format: one line
  ],
}

describe('every optimisation level of ONNX Runtime', () => {
  for (const [form, [shape, forward]] of Object.entries(forms))
    it(`computes ${form} as the file says, in any bits`, async () => {
      using net = networkOf(shape, forward)
      const x = tf.randomUniform([4, ...shape], -1, 1, 'float32', 3)
      for (const weights of slow ? [2, 3, 4, 6, 8, 32] : [2, 8, 32])
        for (const activations of slow ? [2, 4, 7, 8, 32] : [4, 8, 32]) {
          const { model } = await exportOnnx(net, { quantise: { weights, activations, calibration: [x] } })
          const [plain, ...optimised] = (await outputsOf(model, x)) as [Float32Array, ...Float32Array[]]
          for (const [i, values] of optimised.entries())
            expect(distance(values, plain) / largest(plain), `${weights} ${activations} ${LEVELS[i + 1]}`).toBeLessThan(1e-5) // biome-ignore format: one line
        }
      x.dispose()
    }, 120_000)

  it.each([4, 8])('multiplies floats with weights of %d bits where activations stay at 32', async (weights) => {
    using net = networkOf([64], (x, weight) => tf.add(matMul(x, weight('kernel', [64, 16])), weight('bias', [16])))
    const x = tf.randomUniform([4, 64], -1, 1, 'float32', 3)
    const { model, report } = await exportOnnx(net, { quantise: { weights, activations: 32 } })
    expect(report.quantised?.[0]?.activations.as).toBe('float32')
    const [kernel, bias] = net.trainable.map((variable) => variable.dataSync() as Float32Array)
    const inputs = x.dataSync()
    // Every weight lies within half a step of what the file holds, so that the outputs do; with 8-bit inputs they do not.
    const outputs = await outputsOf(model, x)
    for (let column = 0; column < 16; column++) {
      const own = Float64Array.from({ length: 64 }, (_, i) => kernel![i * 16 + column]!)
      const step = own.reduce((max, value) => Math.max(max, Math.abs(value)), 0) / 127
      const rounded = own.map((value) => Math.round(value / step) * step)
      const expected = Array.from({ length: 4 }, (_, row) =>
        rounded.reduce((sum, value, i) => sum + value * inputs[row * 64 + i]!, bias![column]!),
      )
      for (const values of outputs)
        for (const [row, value] of expected.entries()) {
          const found = values[row * 16 + column]!
          if (weights === 8) expect(found).toBeCloseTo(value, 5)
          else expect(found).toBeCloseTo(outputs[0]![row * 16 + column]!, 5)
        }
    }
    x.dispose()
  })

  it('sums products of large weights and inputs without loss', async () => {
    // 255·127 + 255·127 is beyond 16 bits.
    const kernel = Array.from(
      { length: 3 * 3 * 16 * 8 },
      (_, i) => (i % 8 === 7 ? -1 : 1) * (1 - ((i * 0.618034) % 0.1)),
    )
    using net = networkOf([6, 6, 16], (x, weight) =>
      head(tf.sub(conv(x, weight('kernel', [3, 3, 16, 8], kernel)), 30), weight),
    )
    const x = tf.add(tf.randomUniform([2, 6, 6, 16], 0, 0.1, 'float32', 3), 0.9)
    const expected = net.apply(x, { training: false }).dataSync()
    const { model, report } = await exportOnnx(net, { quantise: { calibration: [x] } })
    expect(report.quantised?.map(({ weights: { as, levels } }) => [as, levels])).toEqual([
      ['uint8', 255],
      ['uint8', 255],
    ])
    for (const values of await outputsOf(model, x))
      expect(distance(values, expected) / largest(values)).toBeLessThan(0.02)
  })
})

/** Forms of a layer whose second output has no weights: what it is, and its inputs. */
const dead: Readonly<Record<string, [number[], (values: (i: number) => number) => Forward]>> = {
  'a convolution': [[3, 3, 2], (value) => (x, weight) => conv(x, weight('kernel', [3, 3, 2, 2], list(36, value)))],
  'a point convolution': [[3, 3, 2], (value) => (x, weight) => conv(x, weight('kernel', [1, 1, 2, 2], list(4, value)))],
  'a dense layer': [[6], (value) => (x, weight) => matMul(x, weight('kernel', [6, 2], list(12, value)))],
  'a depthwise convolution': [
    [3, 3, 2],
    (value) => (x, weight) =>
      tf.depthwiseConv2d(x as tf.Tensor4D, weight('kernel', [3, 3, 2, 1], list(18, value)) as tf.Tensor4D, 1, 'same'),
  ],
  'a transposed convolution': [
    [3, 3, 2],
    // Filters stand before the input channels.
    (value) => (x, weight) =>
      enlarged(
        x,
        weight(
          'kernel',
          [3, 3, 2, 2],
          list(36, (i) => value(i >> 1)),
        ),
      ),
  ],
}
const list = (size: number, value: (i: number) => number) => Array.from({ length: size }, (_, i) => value(i))

describe('a filter without weights', () => {
  const everywhere = async (
    forward: Forward,
    shape: number[],
    x: tf.Tensor,
    quantise: QuantiseOptions,
    name: string,
  ) => {
    for (const followed of [false, true]) {
      const last: Forward = (y, weight) =>
        tf.mul(followed && y.shape.length === 4 ? conv(tf.relu(y), weight('last', [1, 1, 2, 2], [1, 0, 0, 1])) : y, 1)
      using net = networkOf(shape, (y, weight) => last(tf.add(forward(y, weight), weight('bias', [2], [0.25, 0.7])), weight)) // biome-ignore format: one line
      const { model, report } = await exportOnnx(net, { quantise: { ...quantise, calibration: [x] } })
      const coarse = followed ? (quantise.activations as number) : 32
      for (const [i, values] of (await outputsOf(model, x)).entries())
        for (let at = 1; at < values.length; at += 2)
          expect(Math.abs(values[at]! - 0.7), `${name}, followed ${followed}, ${LEVELS[i]}, ${JSON.stringify(report.operators)}`).toBeLessThan(coarse < 32 ? 1.5 / (2 ** coarse - 1) : 1e-5) // biome-ignore format: one line
    }
  }

  for (const [form, [shape, made]] of Object.entries(dead))
    it(`gives its bias in ${form}, in any bits`, async () => {
      const x = tf.randomUniform([2, ...shape], 0, 1, 'float32', 3)
      const zero = tf.zeros([2, ...shape])
      const random = seeded(4)
      const ternary = made((i) => (i % 2 === 1 ? 0 : ((i >> 1) % 3) - 1))
      const free = made((i) => (i % 2 === 1 ? 0 : random.float() - 0.5))
      const none = made(() => 0)
      const small = made((i) => (i % 2 === 1 ? 1e-30 : 1e-12))
      for (const weights of slow ? [2, 4, 8] : [4, 8])
        for (const activations of slow ? [2, 4, 8, 32] : [8, 32]) {
          const quantise = { weights, activations }
          const name = `${weights} ${activations}`
          await everywhere(ternary, shape, x, quantise, `ternary ${name}`)
          await everywhere(free, shape, x, quantise, `free ${name}`)
          await everywhere(none, shape, x, quantise, `none ${name}`)
          await everywhere(small, shape, x, quantise, `small ${name}`)
          await everywhere(free, shape, zero, quantise, `no activations ${name}`)
        }
      tf.dispose([x, zero])
    }, 240_000)

  it('gives its bias where its neighbour is one, in 8 bits', async () => {
    using net = networkOf([2, 2, 1], (x, weight) =>
      tf.add(conv(x, weight('kernel', [1, 1, 1, 2], [1, 0])), weight('bias', [2], [0.25, 0.7])),
    )
    const x = tf.tensor4d([0, 0.25, 0.5, 1], [1, 2, 2, 1])
    const { model } = await exportOnnx(net, { quantise: { calibration: [x] } })
    for (const values of await outputsOf(model, x)) {
      expect(distance(values.filter((_, i) => i % 2 === 1), [0.7, 0.7, 0.7, 0.7])).toBeLessThan(1e-5) // biome-ignore format: one line
      expect(distance(values.filter((_, i) => i % 2 === 0), [0.25, 0.5, 0.75, 1.25])).toBeLessThan(2e-3) // biome-ignore format: one line
    }
  })

  it('gives its bias in a ternary convolution of four filters', async () => {
    const kernel = list(108, (i) => (i % 4 === 2 ? 0 : 0.3 * ((i % 3) - 1)))
    using net = networkOf([4, 4, 3], (x, weight) =>
      tf.add(conv(x, weight('kernel', [3, 3, 3, 4], kernel)), weight('bias', [4], [0.1, 0.2, 0.7, -0.4])),
    )
    const x = tf.randomUniform([2, 4, 4, 3], 0, 1, 'float32', 3)
    const expected = net.apply(x, { training: false }).dataSync()
    for (const weights of [2, 8]) {
      const { model, report } = await exportOnnx(net, { quantise: { weights, calibration: [x] } })
      expect(report.quantised?.[0]?.weights.exact).toBe(true)
      for (const values of await outputsOf(model, x)) {
        for (let at = 2; at < values.length; at += 4) expect(values[at]).toBeCloseTo(0.7, 5)
        expect(distance(values, expected)).toBeLessThan(0.03)
      }
    }
  })

  it('stays zero among levels around zero, which are kept exactly', async () => {
    const shifted = list(32, (i) => (i % 2 === 1 ? 0 : (((i >> 1) % 16) - 7.5) * 0.1))
    using net = networkOf([3, 3, 16], (x, weight) =>
      tf.add(conv(x, weight('kernel', [1, 1, 16, 2], shifted)), weight('bias', [2], [0.25, 0.7])),
    )
    const x = tf.randomUniform([2, 3, 3, 16], 0, 1, 'float32', 3)
    const expected = net.apply(x, { training: false }).dataSync()
    const { model, report } = await exportOnnx(net, { quantise: { weights: 4, activations: 32 } })
    expect(report.quantised?.[0]?.weights).toMatchObject({ as: 'int4', exact: true })
    for (const values of await outputsOf(model, x)) expect(distance(values, expected)).toBeLessThan(1e-5)
  })
})

describe('ranges that no scale holds', () => {
  it('are refused where the network overflows on the calibration set', async () => {
    using net = networkOf([4], (x, weight) => matMul(tf.exp(tf.mul(x, 1e4)), weight('kernel', [4, 2])))
    const x = tf.ones([2, 4])
    await expect(exportOnnx(net, { quantise: { calibration: [x] } })).rejects.toThrow(
      /ARCHLOOM_ONNX_CALIBRATION.*computes Infinity/,
    )
  })

  it.each([0, -1, Number.NaN, 1e-40, Number.POSITIVE_INFINITY])(
    'are refused where a search learned %d',
    async (clip) => {
      const build = graphBuilder(seeded(1))
      const output = build.dense('one', INPUT, 4, 2)
      const layer = { name: 'one', weights: 8, activations: 8, weightClip: 1, activationClip: clip, signed: false }
      const model: QuantisedModel = {
        graph: { inputShape: [4], nodes: build.nodes, output },
        kept: {},
        bops: 1,
        fullBops: 1,
        layers: [{ ...layer, standardise: false, weightScale: 'kept' }],
      }
      await expect(exportQuantisedModel(model)).rejects.toThrow(/ARCHLOOM_OPTION.*learned range/)
    },
  )
})
