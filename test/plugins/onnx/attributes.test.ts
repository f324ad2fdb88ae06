import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadGraphModel } from '@tensorflow/tfjs-converter'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { network, useEngine, variableScope } from '../../../core/tensor/index.ts'
import { exportGraphModel, exportOnnx, openOnnx } from '../../../plugins/onnx/index.ts'

let folder: string
beforeAll(async () => {
  await useEngine('cpu')
  folder = mkdtempSync(join(tmpdir(), 'archloom-attributes-'))
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

const networkOf = (inputShape: number[], apply: (x: tf.Tensor) => tf.Tensor) => {
  const outputShape = tf.tidy(() => apply(tf.ones([2, ...inputShape])).shape.slice(1))
  return network({ scope: variableScope({ rng: seeded(1) }), inputShape, outputShape, apply })
}
/** Runs a kernel as a caller of the engine itself may, with any attributes. */
const run = (name: string, inputs: Record<string, tf.Tensor>, attributes: object) =>
  tf.engine().runKernel(name, inputs as never, attributes as never) as tf.Tensor

const filter = () => tf.ones([1, 1, 4, 4])
const whole = (x: tf.Tensor) => tf.cast(x, 'int32')

describe('what an exporter does not know', () => {
  it.each<[string, string, number[], (x: tf.Tensor) => tf.Tensor]>([
    ['Relu', 'slope 0.1', [4], (x) => run('Relu', { x }, { slope: 0.1 })],
    ['Softmax', 'temperature 2', [4], (x) => run('Softmax', { logits: x }, { dim: -1, temperature: 2 })],
    ['Step', 'alpha 0.5', [4], (x) => tf.step(x, 0.5)],
    ['GatherV2', 'batchDims 1', [4, 2], (x) => tf.gather(x, tf.zeros([x.shape[0] as number, 1], 'int32'), 1, 1)],
    ['MirrorPad', 'mode "symmetric"', [4], (x) => tf.mirrorPad(x, [[0, 0], [1, 0]], 'symmetric')], // biome-ignore format: one line
    ['Conv2D', 'dilation 2', [3, 3, 4], (x) => run('Conv2D', { x, filter: filter() }, { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1, dilation: 2 })], // biome-ignore format: one line
    ['Relu', 'x of type int32', [4], (x) => tf.cast(tf.relu(whole(x)), 'float32')],
    ['RealDiv', 'a of type int32', [4], (x) => run('RealDiv', { a: whole(x), b: whole(x) }, {})],
    ['Mean', 'x of type int32', [4], (x) => run('Mean', { x: whole(x) }, { axis: 1, keepDims: true })],
  ])('is refused: %s with %s', async (kernel, received, shape, apply) => {
    const net = networkOf(shape, apply)
    const message = new RegExp(`ARCHLOOM_ONNX_KERNEL_FORM.*"${kernel}" with ${received}`)
    await expect(exportOnnx(net)).rejects.toThrow(message)
    const graph = exportGraphModel(net, folder)
    await expect(graph).rejects.toThrow(/ARCHLOOM_ONNX_KERNEL_FORM|ARCHLOOM_TFJS_KERNEL_UNSUPPORTED/)
    await expect(graph).rejects.toThrow(`"${kernel}"`)
  })

  it('is refused: channels first, which no engine here computes', async () => {
    const net = networkOf([4, 2, 2], (x) =>
      tf.reshape(tf.depthToSpace(tf.reshape(x, [x.shape[0] as number, 2, 2, 4]) as tf.Tensor4D, 2, 'NHWC'), [-1, 16]),
    )
    expect((await exportOnnx(net)).report.operators.DepthToSpace).toBe(1)
    const tensors = tf.memory().numTensors
    const kernel = { ...tf.getKernel('DepthToSpace', 'cpu')!, kernelName: 'DepthToSpace', backendName: 'cpu' }
    tf.unregisterKernel('DepthToSpace', 'cpu')
    tf.registerKernel({ ...kernel, kernelFunc: ({ inputs, backend }) => kernel.kernelFunc({ inputs, backend, attrs: { blockSize: 2, dataFormat: 'NHWC' } }) }) // biome-ignore format: one line
    try {
      const other = networkOf([2, 2, 4], (x) => run('DepthToSpace', { x }, { blockSize: 2, dataFormat: 'NCHW' }))
      for (const refused of [exportOnnx(other), exportGraphModel(other, folder)])
        await expect(refused).rejects.toThrow(/ARCHLOOM_ONNX_KERNEL_FORM.*"DepthToSpace" with dataFormat "NCHW"/)
    } finally {
      tf.unregisterKernel('DepthToSpace', 'cpu')
      tf.registerKernel(kernel)
    }
    expect(tf.memory().numTensors).toBe(tensors)
  })
})

describe('flags and whole numbers', () => {
  const compare = async (shape: number[], apply: (x: tf.Tensor) => tf.Tensor, graphs = true) => {
    const net = networkOf(shape, apply)
    const x = tf.randomUniform([3, ...shape], -2, 2, 'float32', 3)
    const expected = tf.tidy(() => net.apply(x, { training: false }).dataSync())
    const { model } = await exportOnnx(net)
    await using opened = await openOnnx(model)
    const { values } = await opened.apply({ dims: x.shape, values: x.dataSync() as Float32Array })
    expect([...values]).toEqual([...expected])
    if (graphs) {
      await exportGraphModel(net, folder)
      const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'))
      const [{ paths, weights: weightSpecs }] = json.weightsManifest
      const weightData = Uint8Array.from(Buffer.concat(paths.map((name: string) => readFileSync(join(folder, name))))).buffer // biome-ignore format: one line
      const official = await loadGraphModel(tf.io.fromMemory({ ...json, weightSpecs, weightData }) as never)
      const y = official.execute(x) as tf.Tensor
      expect([...y.dataSync()]).toEqual([...expected])
      official.dispose()
      y.dispose()
    }
    x.dispose()
  }

  it('of constants keep their type', async () => {
    const mask = tf.tensor1d([true, false, true, false], 'bool')
    await compare([4], (x) => tf.where(tf.logicalAnd(tf.greater(x, 0), mask), x, tf.neg(x)), false)
    const two = tf.tensor1d([2, -3, 1, 0], 'int32')
    await compare([4], (x) => tf.cast(tf.mul(tf.cast(x, 'int32'), two), 'float32'))
    await compare([4], (x) => tf.cast(tf.greater(tf.cast(x, 'int32'), two), 'float32'))
    tf.dispose([mask, two])
  })

  it('reductions over no axis change nothing', async () => {
    await compare([4], (x) => tf.sum(x, []))
    await compare([2, 3], (x) => tf.max(x, [], true))
  })
})
