import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { countTensors, useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { uniformBits } from '../../../plugins/abs/index.ts'
import { exportQuantisedModel, openOnnx } from '../../../plugins/onnx/index.ts'
import {
  graphBuilder,
  INPUT,
  type QuantisedModel,
  quantisedNetwork,
  resNetGraph,
} from '../../../search-spaces/compression/index.ts'

const data = generatedImages({ train: 64, validation: 32, classes: 3, size: 8 })
const graph = resNetGraph({ depth: 8, widths: [8, 8, 16], size: 8, classes: 3, rng: seeded(1) })
const model = (bits: number) => uniformBits(graph, bits, { data: data.train, rng: seeded(2) })

beforeAll(async () => {
  await useEngine('onnxruntime')
}, 60_000)

/** Largest difference of logits, and share of images with the same class. */
async function compared(quantised: QuantisedModel) {
  const { model: bytes, report } = await exportQuantisedModel(quantised)
  using network = quantisedNetwork(quantised)
  const x = tf.randomUniform([32, 8, 8, 3], -1, 1, 'float32', 7)
  const expected = tf.tidy(() => network.apply(x, { training: false }).dataSync() as Float32Array)
  await using opened = await openOnnx(bytes)
  const { values } = await opened.apply({ dims: x.shape, values: x.dataSync() as Float32Array })
  x.dispose()
  const best = (all: ArrayLike<number>, i: number) =>
    [0, 1, 2].reduce((a, b) => (all[3 * i + b]! > all[3 * i + a]! ? b : a))
  const same = Array.from({ length: 32 }, (_, i) => best(values, i) === best(expected, i)).filter(Boolean).length
  const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
  const errors = [...values].map((value, i) => Math.abs(value - expected[i]!) / scale)
  return { report, agreement: same / 32, mean: errors.reduce((a, b) => a + b) / errors.length }
}

describe('exportQuantisedModel', () => {
  it.each([
    [2, 'int4', 'uint8', true],
    [4, 'int4', 'uint4', false],
    [8, 'int8', 'uint8', false],
  ])('keeps the levels of a search in %d bits', async (bits, weights, activations, coarser) => {
    const { report, agreement, mean } = await compared(await model(bits))
    expect(agreement).toBeGreaterThanOrEqual(0.97)
    // Ties of half a step are all that may differ.
    expect(mean).toBeLessThan(0.005)
    const inner = report.quantised?.slice(1, -1) ?? []
    expect(inner).toHaveLength(8)
    for (const each of inner)
      expect(each).toMatchObject({
        weights: { bits, as: weights },
        activations: { bits, as: activations, levels: 2 ** bits, coarser, exact: true },
      })
    expect(report.quantised?.every((each) => each.weights.exact)).toBe(true)
    // The network's input stays in floats.
    expect(report.quantised?.[0]?.activations.bits).toBe(32)
  })

  it('takes inputs with a sign on levels around zero', async () => {
    const made = await model(4)
    const signed = { ...made, layers: made.layers.map((each) => ({ ...each, signed: each.activations < 32 })) }
    const { report, mean } = await compared(signed)
    expect(mean).toBeLessThan(0.005)
    expect(report.operators.Add).toBeGreaterThan(16)
  })

  it.each(['relu', 'relu6'] as const)('is opened in 4 bits where layers read maxima of a %s', async (activation) => {
    const build = graphBuilder(seeded(1))
    const pool = { op: 'max-pool', kernel: [2, 2], stride: 2, padding: 'valid' } as const
    let last = build.add('pool_1', pool, build.convolution('one', INPUT, { channelsIn: 3, filters: 8 }))
    last = build.convolution('two', last, { channelsIn: 8, filters: 8 })
    last = build.add('pool_2', pool, build.convolution('three', last, { channelsIn: 8, filters: 8 }))
    last = build.dense('four', build.add('flat', { op: 'flatten' }, last), 32, 16)
    const output = build.dense('five', build.add('relu', { op: 'activation', activation }, last), 16, 3)
    const nodes = build.nodes.map((node) => (node.op === 'activation' ? { ...node, activation } : node))
    const made = await uniformBits({ inputShape: [8, 8, 3], nodes, output }, 4, { data: data.train, rng: seeded(2) })
    const { agreement, mean, report } = await compared(made)
    expect(agreement).toBeGreaterThanOrEqual(0.97)
    expect(mean).toBeLessThan(0.005)
    const read = report.quantised?.map((each) => each.activations.as)
    expect(read).toEqual(['float32', 'uint8', activation === 'relu' ? 'uint4' : 'uint8', 'uint8', 'uint8'])
  })

  it('leaves no tensor behind', async () => {
    const made = await model(4)
    expect(await countTensors(() => exportQuantisedModel(made))).toEqual({ tensors: 0, buffers: 0 })
  })
})
