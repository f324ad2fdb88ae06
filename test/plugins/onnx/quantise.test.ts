import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  batchNorm,
  conv2d,
  countTensors,
  dense,
  globalAvgPool,
  type Layer,
  network,
  relu,
  type ScopedNetwork,
  sequential,
  useEngine,
  type VariableScope,
  variableScope,
} from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { supervisedTrainer } from '../../../evaluators/training/index.ts'
import { activationGrid, weightCodes } from '../../../plugins/onnx/grids.ts'
import { type Exportable, type ExportOptions, exportOnnx, openOnnx } from '../../../plugins/onnx/index.ts'
import { superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'

const data = generatedImages({ train: 256, validation: 200, classes: 4, size: 16 })
let net: ScopedNetwork
let images: tf.Tensor
let logits: Float32Array

beforeAll(async () => {
  await useEngine('onnxruntime')
  const block = (scope: VariableScope, channels: number): Layer => {
    const one = (name: string, active: boolean) => [
      conv2d(scope.child(name), { inputChannels: channels, filters: channels, kernel: 3 }),
      batchNorm(scope.child(`${name}_norm`), { channels, relu: active }),
    ]
    const body = sequential(...one('a', true), ...one('b', false))
    return (x, mode) => tf.relu(tf.add(x, body(x, mode)))
  }
  const scope = variableScope({ rng: seeded(1) })
  const apply = sequential(
    conv2d(scope.child('stem'), { inputChannels: 3, filters: 8, kernel: 3 }),
    batchNorm(scope.child('stem_norm'), { channels: 8, relu: true }),
    block(scope.child('block'), 8),
    conv2d(scope.child('down'), { inputChannels: 8, filters: 16, kernel: 3, stride: 2, bias: true }),
    relu(),
    globalAvgPool(),
    dense(scope.child('classifier'), { inputs: 16, units: 4 }),
  )
  net = network({ scope, inputShape: [16, 16, 3], outputShape: [4], apply })
  const fit = supervisedTrainer({ batchSize: 32 }).fit(net, data.train, { epochs: 8, rng: seeded(2) })
  for await (const _ of fit);
  for (const { inputs, targets } of data.validation.batches({ batchSize: 200 })) {
    images = inputs
    targets.dispose()
  }
  logits = tf.tidy(() => net.apply(images, { training: false }).dataSync()) as Float32Array
}, 60_000)
afterAll(() => {
  net[Symbol.dispose]()
  images.dispose()
})

const best = (values: Float32Array, image: number) => {
  const own = values.subarray(image * 4, image * 4 + 4)
  return own.indexOf(Math.max(...own))
}

async function exported(quantise: ExportOptions['quantise']) {
  const { model, report } = await exportOnnx(net, quantise ? { quantise } : {})
  await using opened = await openOnnx(model)
  const { values } = await opened.apply({ dims: images.shape, values: images.dataSync() as Float32Array })
  const same = Array.from({ length: 200 }, (_, i) => best(values, i) === best(logits, i))
  return { report, agreement: same.filter(Boolean).length / 200 }
}

describe('quantised files', () => {
  it('in 8 bits choose the same class for 99 % of the images, with integers throughout', async () => {
    const { report, agreement } = await exported({ calibration: data.train })
    expect(agreement).toBeGreaterThanOrEqual(0.99)
    expect(report.quantised?.map(({ layer }) => layer)).toEqual(['stem', 'block/a', 'block/b', 'down', 'classifier'])
    for (const { weights, activations } of report.quantised ?? []) {
      expect(weights).toMatchObject({ bits: 8, as: 'uint8', levels: 255, coarser: false })
      expect(activations).toMatchObject({ bits: 8, as: 'uint8', levels: 256, coarser: false })
    }
    // The bias too: three dequantisers a layer, and one for the sum, its operands and the mean.
    expect(report.operators.DequantizeLinear).toBeGreaterThanOrEqual(15)
    expect(report.operators.Mul).toBeUndefined()
  })

  it('hold weights in fewer bytes', async () => {
    const size = async (weights: number) => (await exported({ weights, activations: 32 })).report.bytes
    const [float, eight, four] = [(await exported(undefined)).report.bytes, await size(8), await size(4)]
    expect(float - eight).toBeGreaterThan(5000)
    expect(eight - four).toBeGreaterThan(1000)
  })

  it('hold the weights of a layer that is applied twice once', async () => {
    const twice = {
      inputShape: net.inputShape,
      outputShape: net.outputShape,
      trainable: net.trainable,
      state: net.state,
      apply: (x: tf.Tensor, mode: { training: boolean }) =>
        tf.mul(tf.add(net.apply(x, mode), net.apply(tf.reverse(x, 2), mode)), 0.5),
    }
    const file = async (of: Exportable) =>
      await exportOnnx(of, { quantise: { weights: 8, activations: 8, calibration: data.train } })
    const [one, both] = [await file(net), await file(twice)]
    // Codes of the weights, in bytes: those of stem, block, down and classifier.
    const codes = 3 * 3 * 3 * 8 + 2 * 3 * 3 * 8 * 8 + 3 * 3 * 8 * 16 + 16 * 4
    const held = ({ graph }: typeof one) =>
      [...graph.constants.values()].reduce(
        (sum, { type, dims }) => sum + (type === 'uint8' && dims.length > 1 ? dims.reduce((a, b) => a * b) : 0),
        0,
      )
    expect([held(one), held(both)]).toEqual([codes, codes])
    await using opened = await openOnnx(both.model)
    const { values } = await opened.apply({ dims: images.shape, values: images.dataSync() as Float32Array })
    const expected = tf.tidy(() => twice.apply(images, { training: false }).dataSync()) as Float32Array
    const same = Array.from({ length: 200 }, (_, i) => best(values, i) === best(expected, i))
    expect(same.filter(Boolean).length).toBeGreaterThanOrEqual(196)
  })

  it('carry 4 bits as int4 and uint4, and other bits on a part of the next wider codes', async () => {
    const bits = { stem: 8, 'block/a': 4, 'block/b': 6, down: 3, '*': 32 }
    const { report } = await exported({ weights: bits, activations: bits, calibration: data.train })
    const carried = Object.fromEntries(
      (report.quantised ?? []).map(({ layer, weights, activations }) => [
        layer,
        [weights.as, weights.levels, weights.coarser, activations.as, activations.levels, activations.coarser],
      ]),
    )
    expect(carried).toEqual({
      stem: ['uint8', 255, false, 'uint8', 256, false],
      'block/a': ['int4', 15, false, 'uint4', 16, false],
      'block/b': ['int8', 63, true, 'uint8', 64, true],
      down: ['int4', 7, true, 'uint8', 8, true],
      classifier: ['float32', 2 ** 32, false, 'float32', 2 ** 32, false],
    })
  })

  it('of super-resolution networks stay close to the image', async () => {
    const space = superResolutionSpace({ scale: 2, channels: 4, nodes: 2, cells: 2 })
    const rng = seeded(4)
    using sr = space.build(space.decode(space.random(rng)), { input: [8, 8, 3], classes: 0, rng })
    const x = tf.randomUniform([3, 8, 8, 3], 0, 255, 'float32', 5)
    const { model, report } = await exportOnnx(sr, { quantise: { calibration: [x] } })
    await using opened = await openOnnx(model)
    const y = tf.tidy(() => sr.upscale(x, { training: false }).dataSync())
    const { values } = await opened.apply({ dims: [3, 8, 8, 3], values: x.dataSync() as Float32Array })
    x.dispose()
    const [sum, power] = [0, 1].map((what) => values.reduce((all, v, i) => all + (what ? y[i]! ** 2 : (v - y[i]!) ** 2), 0)) // biome-ignore format: one line
    expect(Math.sqrt((sum as number) / (power as number))).toBeLessThan(0.05)
    expect(report.quantised?.length).toBeGreaterThan(4)
  })

  it('leave no tensor behind', async () => {
    expect(await countTensors(() => exported({ calibration: data.train, images: 8 }))).toEqual({
      tensors: 0,
      buffers: 0,
    })
  })

  it('need a calibration set of the right shape, finite and not empty', async () => {
    const wrong = tf.zeros([2, 8, 8, 3])
    const broken = tf.fill([1, 16, 16, 3], Number.NaN)
    for (const calibration of [undefined, [], [wrong], [broken]])
      await expect(exported(calibration ? { calibration } : {})).rejects.toThrow('ARCHLOOM_ONNX_CALIBRATION')
    tf.dispose([wrong, broken])
  })

  it('refuse bits that no integer has', async () => {
    await expect(exported({ weights: 9, activations: 32 })).rejects.toThrow(/ARCHLOOM_OPTION.*bits" is 9/)
    await expect(exported({ weights: { stem: 1 }, activations: 32 })).rejects.toThrow(/bits of stem.*1/)
  })
})

describe('grids of weights', () => {
  const constant = (values: number[], channels: number) => ({
    type: 'float32' as const,
    dims: [channels, values.length / channels],
    values: Float32Array.from(values),
  })
  const valuesOf = ({ codes, scales, shift }: ReturnType<typeof weightCodes>) => {
    const inner = codes.length / scales.length
    return [...codes].map((code, i) => {
      const channel = Math.floor(i / inner)
      return (code + (shift?.[channel] ?? 0)) * scales[channel]!
    })
  }

  it('that a search has chosen are kept exactly: with zero, and around it', () => {
    const [half, step] = [0.3, 0.07]
    for (const bits of [2, 3, 4, 8]) {
      const levels = Array.from({ length: Math.min(2 ** bits, 100) }, (_, i) => i - Math.min(2 ** bits, 100) / 2)
      const around = [...levels.map((i) => (i + 0.5) * half), ...levels.map((i) => (i + 0.5) * step)]
      const made = weightCodes(constant(around, 2), 0, bits)
      expect(made.exact).toBe(true)
      valuesOf(made).forEach((value, i) => {
        expect(value).toBeCloseTo(around[i] as number, 5)
      })
      // Four bits around zero stay four: shifted by one half.
      expect([made.type, made.shift?.[0]]).toEqual(bits === 8 ? ['int8', undefined] : ['int4', bits === 4 ? 0.5 : undefined]) // biome-ignore format: one line
      const through = weightCodes(constant([...levels, ...levels].map((i) => i * step), 2), 0, bits) // biome-ignore format: one line
      expect(through).toMatchObject({ exact: true, type: bits === 8 ? 'int8' : 'int4' })
    }
  })

  it('else round to the nearest level of each channel', () => {
    const rng = seeded(1)
    const values = Array.from({ length: 600 }, (_, i) => (rng.float() - 0.5) * (i < 300 ? 1 : 10))
    const made = weightCodes(constant(values, 2), 0, 8)
    expect(made).toMatchObject({ exact: false, type: 'int8', levels: 255 })
    valuesOf(made).forEach((value, i) => {
      const scale = made.scales[i < 300 ? 0 : 1] as number
      expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(scale / 2 + 1e-6)
    })
  })

  it('of zeros are zeros', () => {
    expect(valuesOf(weightCodes(constant([0, 0, 1, 2], 2), 0, 8)).slice(0, 2)).toEqual([0, 0])
  })
})

describe('grids of activations', () => {
  it('hold zero, and cut tails where that is the smaller error', () => {
    const sample = Float32Array.from({ length: 1000 }, (_, i) => (i === 0 ? 4 : (i % 100) / 100))
    const four = activationGrid({ low: 0, high: 4, sample }, 4)
    expect(four.zero).toBe(0)
    expect(four.scale * 15).toBeLessThan(4)
    const signed = activationGrid({ low: -1, high: 3, sample: Float32Array.of(-1, 0, 3) }, 8)
    expect(signed).toMatchObject({ zero: 64, levels: 256 })
  })
})
