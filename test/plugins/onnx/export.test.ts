import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  batchNorm,
  conv2d,
  countTensors,
  groupNorm,
  type Layer,
  network,
  sequential,
  useEngine,
  type VariableScope,
  variableScope,
} from '../../../core/tensor/index.ts'
import { buildDrn } from '../../../plugins/drn/index.ts'
import { type Exportable, type ExportOptions, exportOnnx, OPSET, openOnnx } from '../../../plugins/onnx/index.ts'
import { selfEnsemble, superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'
import { spaceCases } from '../../search-spaces/spaces.ts'

let directory: string
beforeAll(async () => {
  await useEngine('wasm')
  directory = mkdtempSync(join(tmpdir(), 'archloom-onnx-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

/** Greatest difference between the file's output and the network's, relative to the greatest value. */
async function difference(net: Exportable, options: ExportOptions = {}, batch = 4, input = net.inputShape) {
  const { model, report } = await exportOnnx(net, options)
  await using opened = await openOnnx(model)
  const x = tf.randomUniform([batch, ...input], -1, 1, 'float32', 3)
  const mode = { training: false }
  const y = tf.tidy(() => (net.upscale ? net.upscale(x, mode) : net.apply(x, mode)))
  const [expected, values] = [y.dataSync() as Float32Array, x.dataSync() as Float32Array]
  const received = await opened.apply({ dims: x.shape, values })
  expect(received.dims).toEqual(y.shape)
  tf.dispose([x, y])
  const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-30)
  const greatest = received.values.reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i]!)), 0)
  return { difference: greatest / scale, report }
}

/** A network of one made-up layer. */
const networkOf = (layer: (scope: VariableScope) => Layer, inputShape: number[], outputShape: number[]) => {
  const scope = variableScope({ rng: seeded(3) })
  return network({ scope, inputShape, outputShape, apply: layer(scope) })
}

/** Statistics as after training, so that folding them is no identity. */
function stir(net: { readonly state: readonly tf.Variable[] }): void {
  for (const variable of net.state)
    tf.tidy(() => variable.assign(tf.randomUniform(variable.shape, 0.5, 2, 'float32', 11) as tf.Tensor))
}

describe('exportOnnx', () => {
  it('holds the weights of a layer that is applied twice once', async () => {
    const layers = (scope: VariableScope) => {
      const one = conv2d(scope.child('a'), { inputChannels: 3, filters: 16, kernel: 3 })
      const two = conv2d(scope.child('b'), { inputChannels: 16, filters: 16, kernel: 3, bias: true })
      const norm = batchNorm(scope.child('norm'), { channels: 16, relu: true })
      return sequential(one, norm, two)
    }
    using plain = networkOf(layers, [8, 8, 3], [8, 8, 16])
    using mirrored = networkOf(
      (scope) => {
        const once = layers(scope)
        return (x, mode) => tf.add(once(x, mode), once(tf.reverse(x, 2), mode))
      },
      [8, 8, 3],
      [8, 8, 16],
    )
    for (const net of [plain, mirrored]) stir(net)
    const one = await difference(plain)
    const both = await difference(mirrored)
    expect(both.difference).toBeLessThan(1e-5)
    // 2,768 numbers of four bytes: the second pass adds operators only.
    expect(one.report.bytes).toBeGreaterThan(11_000)
    expect(both.report.bytes - one.report.bytes).toBeLessThan(2000)
  })

  for (const { space, input } of spaceCases)
    it(`gives a file that computes what networks of ${space.name} do, for any batch`, async () => {
      for (const seed of [2, 3]) {
        const rng = seeded(seed)
        using net = space.build(space.decode(space.random(rng)), { input, classes: 3, rng })
        stir(net)
        const { difference: found, report } = await difference(net)
        expect(found).toBeLessThan(1e-5)
        expect(report).toMatchObject({ opset: OPSET, batch: 'open' })
        // Batch normalisations, which have running statistics, have gone into convolutions, save those after sums and
        // pooling; each group normalisation computes the deviation of its image.
        const groupNorms = net.state.length > 0 ? 0 : net.trainable.filter(({ name }) => name.endsWith('gamma')).length
        expect(report.operators.Sqrt ?? 0).toBe(groupNorms)
      }
    })

  it('super-resolution networks, for images of any size where the layers allow', async () => {
    const space = superResolutionSpace({ scale: 2, channels: 4, nodes: 2, cells: 3 })
    for (const seed of [1, 2, 3]) {
      const rng = seeded(seed)
      using net = space.build(space.decode(space.random(rng)), { input: [6, 6, 3], classes: 0, rng })
      expect((await difference(net)).difference).toBeLessThan(1e-5)
      const open = await difference(net, { dynamicSize: true }, 2, [9, 7, 3])
      expect(open.difference).toBeLessThan(1e-5)
      expect(open.report.size).toBe('open')
    }
  })

  it('DRN, for images of any size and for one', async () => {
    using net = buildDrn({ scale: 2, input: [6, 8, 3], rng: seeded(1), features: 8, blocks: 1 })
    const one = await difference(net, { input: [8, 6, 3] }, 2, [8, 6, 3])
    expect([one.report.size, one.difference < 1e-5]).toEqual([[8, 6, 3], true])
    const any = await difference(net, {}, 2, [7, 9, 3])
    expect([any.report.size, any.difference < 1e-5]).toEqual(['open', true])
  })

  it('group normalisation, grouped convolutions, and turned images', async () => {
    const layer = (scope: VariableScope) =>
      sequential(
        conv2d(scope.child('a'), { inputChannels: 4, filters: 6, kernel: 3, groups: 2, stride: 2, bias: true }),
        groupNorm(scope.child('n'), { channels: 6, groups: 3, relu: true }),
      )
    using net = networkOf(layer, [7, 5, 4], [4, 3, 6])
    expect((await difference(net)).difference).toBeLessThan(1e-5)
    const ensemble = (scope: VariableScope) => selfEnsemble(conv2d(scope, { inputChannels: 2, filters: 2, kernel: 3 }))
    using turned = networkOf(ensemble, [5, 5, 2], [5, 5, 2])
    expect((await difference(turned)).difference).toBeLessThan(1e-5)
  })

  it('elementwise kernels, comparisons, reductions and shapes', async () => {
    const layer: Layer = (x) => {
      const [n] = x.shape as [number]
      const parts = tf.split(x, 2, 3)
      const a = tf.elu(parts[0] as tf.Tensor)
      const b = tf.clipByValue(tf.leakyRelu(parts[1] as tf.Tensor, 0.1), -0.4, 0.4)
      const c = tf.where(tf.greater(a, b), tf.exp(a), tf.softplus(b))
      const d = tf.add(tf.step(c), tf.div(tf.round(tf.mul(c, 3)), 3))
      const e = tf.squaredDifference(tf.rsqrt(tf.add(tf.abs(c), 0.1)), tf.pow(tf.abs(d), 1.5))
      const f = tf.pad(tf.relu6(tf.sub(e, tf.mean(e, [1, 2], true))), [
        [0, 0],
        [1, 0],
        [0, 1],
        [0, 0],
      ])
      const g = tf.concat([f, tf.mirrorPad(tf.tanh(c), [[0, 0], [1, 0], [0, 1], [0, 0]], 'reflect')], 3) // biome-ignore format: one line
      const h = tf.stack(tf.unstack(tf.tile(tf.max(g, 3), [1, 1, 2]), 1), 1)
      const i = tf.reshape(tf.matMul(h, h, true, false), [n, -1])
      return tf.softmax(tf.sum(tf.reshape(tf.gather(i, [0, 5, 7, 3], 1), [n, 2, 2]), 2))
    }
    using net = networkOf(() => layer, [4, 4, 6], [2])
    expect((await difference(net)).difference).toBeLessThan(1e-5)
  })

  it('keeps normalisation apart on request, with the same result', async () => {
    const layer = (scope: VariableScope) =>
      sequential(
        conv2d(scope, { inputChannels: 3, filters: 4, kernel: 3 }),
        batchNorm(scope.child('n'), { channels: 4 }),
      )
    using net = networkOf(layer, [4, 4, 3], [4, 4, 4])
    stir(net)
    const apart = await difference(net, { foldBatchNorm: false })
    const folded = await difference(net)
    expect(apart.report.operators).toMatchObject({ Conv: 1, Mul: 1 })
    expect(folded.report.operators.Mul).toBeUndefined()
    for (const { difference: found } of [apart, folded]) expect(found).toBeLessThan(1e-5)
  })

  it('writes the file, makes its folder, and leaves no tensor behind', async () => {
    const file = join(directory, 'new', 'model.onnx')
    const tensors = await countTensors(async () => {
      const { space, input } = spaceCases[0]!
      using net = space.build(space.decode(space.random(seeded(1))), { input, classes: 3, rng: seeded(1) })
      const { model, report } = await exportOnnx(net, { file })
      expect(readFileSync(file).equals(model)).toBe(true)
      expect(report).toMatchObject({ file, bytes: model.length })
    })
    expect(existsSync(file)).toBe(true)
    expect(tensors).toEqual({ tensors: 0, buffers: 0 })
  })

  it('fixes the batch where a layer mixes it with others, and says so', async () => {
    const layer: Layer = (x) => tf.slice(tf.concat([x, x], 0), [x.shape[0] as number, 0], x.shape as [number, number])
    using net = networkOf(() => layer, [3], [3])
    expect((await exportOnnx(net)).report.batch).toMatchObject({ fixed: 1 })
  })

  it('refuses what it cannot translate by name', async () => {
    using net = networkOf(() => (x) => tf.cumsum(x, 1), [3], [3])
    await expect(exportOnnx(net)).rejects.toThrow(/ARCHLOOM_ONNX_KERNEL_UNSUPPORTED.*"Cumsum".*Conv2D/)
    using symmetric = networkOf(() => (x) => tf.mirrorPad(x, [[0, 0], [1, 0]], 'symmetric'), [3], [4]) // biome-ignore format: one line
    await expect(exportOnnx(symmetric)).rejects.toThrow('ARCHLOOM_ONNX_KERNEL_FORM')
  })

  it('refuses weights that are not finite, and shapes that it cannot have', async () => {
    const layer = (scope: VariableScope) => conv2d(scope.child('first'), { inputChannels: 3, filters: 4, kernel: 1 })
    using net = networkOf(layer, [4, 4, 3], [4, 4, 4])
    await expect(exportOnnx(net, { input: [5, 5, 3] })).rejects.toThrow('ARCHLOOM_OPTION')
    await expect(exportOnnx(net, { dynamicSize: true })).rejects.toThrow('ARCHLOOM_OPTION')
    tf.tidy(() => net.trainable[0]?.assign(tf.fill([1, 1, 3, 4], Number.NaN)))
    await expect(exportOnnx(net)).rejects.toThrow(/ARCHLOOM_ONNX_NOT_FINITE: 12 of the 12 values of "first\/kernel"/)
  })
})

describe('openOnnx', () => {
  it('refuses what is no model', async () => {
    await expect(openOnnx(new Uint8Array([1, 2, 3]))).rejects.toThrow('ARCHLOOM_ONNX_FILE')
    const { model } = await exportOnnx(networkOf(() => (x) => tf.relu(x), [3], [3]))
    await expect(openOnnx(model.slice(0, model.length - 20))).rejects.toThrow('ARCHLOOM_ONNX_FILE')
  })
})
