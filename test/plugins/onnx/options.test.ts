import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { dense, network, useEngine, variableScope } from '../../../core/tensor/index.ts'
import { exportOnnx, exportQuantisedModel } from '../../../plugins/onnx/index.ts'

beforeAll(async () => {
  await useEngine('cpu')
}, 60_000)

describe('options of exportOnnx', () => {
  it.each([
    [{ quantize: {} }, /exportOnnx.*quantize.*quantise/],
    [{ quantization: {} }, /exportOnnx.*quantization.*quantise/],
    [{ quantise: { weight: 4, activations: 32 } }, /quantise\.weight.*quantise\.weights/],
    [{ quantise: { callibration: [], activations: 32 } }, /quantise\.callibration.*quantise\.calibration/],
    [{ quantise: 8 }, /exportOnnx.*quantise/],
    [{ dynamicsize: true }, /dynamicsize.*dynamicSize/],
    [{ foldBatchNorm: 'no' }, /foldBatchNorm.*true or false/],
    [{ path: 'a.onnx' }, /exportOnnx.*path/],
  ])('refuse %j by name, with a suggestion', async (given, message) => {
    const scope = variableScope({ rng: seeded(1) })
    using net = network({ scope, inputShape: [3], outputShape: [2], apply: dense(scope, { inputs: 3, units: 2 }) })
    await expect(exportOnnx(net, given as never)).rejects.toThrow(message)
    expect(tf.memory().numTensors).toBe(2)
  })

  it('of a quantised model too', async () => {
    await expect(exportQuantisedModel({} as never, { fil: 'a.onnx' } as never)).rejects.toThrow(/exportQuantisedModel.*fil.*file/) // biome-ignore format: one line
  })
})
