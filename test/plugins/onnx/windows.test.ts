import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadGraphModel } from '@tensorflow/tfjs-converter'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { network, type ScopedNetwork, useEngine, variableScope } from '../../../core/tensor/index.ts'
import { exportGraphModel, exportOnnx, openOnnx } from '../../../plugins/onnx/index.ts'

/** Every size and form in the long run. */
const slow = process.env.ARCHLOOM_SLOW !== undefined
let folder: string
beforeAll(async () => {
  await useEngine('cpu')
  folder = mkdtempSync(join(tmpdir(), 'archloom-windows-'))
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** The official loader reads the folder through a handler in this process. */
const handler = () => {
  const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'))
  const [{ paths, weights }] = json.weightsManifest
  const bytes = Buffer.concat(paths.map((name: string) => readFileSync(join(folder, name))))
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const { modelTopology, format, signature } = json
  return tf.io.fromMemory({ modelTopology, format, signature, weightSpecs: weights, weightData })
}

type Kernels = Readonly<Record<string, tf.Tensor4D>>
type Part = (x: tf.Tensor4D, kernels: Kernels) => tf.Tensor

/** Many results in one network: each flattened, one behind the other. */
function networkOf(inputShape: number[], parts: readonly Part[], weights: Readonly<Record<string, number[]>> = {}) {
  const rng = seeded(1)
  const scope = variableScope({ rng })
  const kernels: Kernels = Object.fromEntries(
    Object.entries(weights).map(([name, shape]) => [
      name,
      scope.weight(name, shape, (sizes) => Float32Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, () => rng.float() - 0.5)) as unknown as tf.Tensor4D, // biome-ignore format: one line
    ]),
  )
  const apply = (x: tf.Tensor) => {
    const flat = parts.map((part) => tf.reshape(part(x as tf.Tensor4D, kernels), [x.shape[0] as number, -1]))
    return flat.length === 1 ? flat[0]! : tf.concat(flat, 1)
  }
  const size = tf.tidy(() => apply(tf.zeros([1, ...inputShape])).shape[1] as number)
  return network({ scope, inputShape, outputShape: [size], apply })
}

/** Greatest difference between the network and its two exports, which must give as many values. */
async function difference(net: ScopedNetwork): Promise<{ onnx: number; graph: number }> {
  const x = tf.randomUniform([2, ...net.inputShape], -1, 1, 'float32', 3)
  const y = tf.tidy(() => net.apply(x, { training: false }))
  const [values, expected] = [x.dataSync() as Float32Array, y.dataSync() as Float32Array]
  const { model } = await exportOnnx(net)
  await using opened = await openOnnx(model)
  const onnx = await opened.apply({ dims: x.shape, values })
  expect(onnx.dims).toEqual(y.shape)
  await exportGraphModel(net, folder)
  const official = await loadGraphModel(handler() as never)
  const graph = official.execute(x) as tf.Tensor
  expect(graph.shape).toEqual(y.shape)
  const greatest = (found: ArrayLike<number>) =>
    expected.reduce((max, value, i) => Math.max(max, Math.abs(value - found[i]!)), 0)
  const result = { onnx: greatest(onnx.values), graph: greatest(graph.dataSync()) }
  official.dispose()
  tf.dispose([x, y, graph])
  return result
}

const from = (x: tf.Tensor4D, rows: number, columns = rows) =>
  tf.slice(x, [0, 0, 0, 0], [x.shape[0], rows, columns, x.shape[3]])

const sizes = Array.from({ length: 64 }, (_, i) => i + 1)
const resizes = { nearest: tf.image.resizeNearestNeighbor, bilinear: tf.image.resizeBilinear }
const modes = { 'aligned corners': [true, false], 'half pixels': [false, true], 'neither of them': [false, false] } as const // biome-ignore format: one line

describe('resizes to every size up to 64', () => {
  for (const [kind, resize] of Object.entries(resizes))
    for (const [mode, [alignCorners, halfPixelCenters]] of Object.entries(modes))
      it(`${kind}, ${mode}: both exports give the network's sizes and values`, async () => {
        for (const height of slow ? sizes : [1, 5, 21, 64]) {
          const width = ((height * 7) % 64) + 1
          const net = networkOf(
            [height, width, 1],
            sizes.map((rows) => (x) => resize(x, [rows, ((rows * 13) % 64) + 1], alignCorners, halfPixelCenters)),
          )
          const { onnx, graph } = await difference(net)
          expect(onnx, `ONNX, from ${height} and ${width}`).toBeLessThan(kind === 'nearest' ? 1e-7 : 2e-5)
          expect(graph, `graph model, from ${height} and ${width}`).toBe(0)
          net[Symbol.dispose]()
        }
      }, 600_000)

  it('stay open where the factors are whole, and fix the size where they are not', async () => {
    const enlarge = (factor: number, nearest: boolean) => {
      const net = networkOf([4, 4, 1], [(x) => x])
      const upscale = (x: tf.Tensor) => {
        const [, h, w] = x.shape as [number, number, number]
        const size: [number, number] = [Math.round(h * factor), Math.round(w * factor)]
        return nearest ? tf.image.resizeNearestNeighbor(x as tf.Tensor4D, size, false, true) : tf.image.resizeBilinear(x as tf.Tensor4D, size, false, true) // biome-ignore format: one line
      }
      return Object.assign(net, { upscale, inputShape: [4, 4, 1] })
    }
    for (const nearest of [true, false])
      for (const factor of [2, 3, 7]) {
        using net = enlarge(factor, nearest)
        const { model } = await exportOnnx(net, { dynamicSize: true })
        await using opened = await openOnnx(model)
        const x = tf.randomUniform([1, 23, 29, 1], -1, 1, 'float32', 3)
        const y = net.upscale(x)
        const found = await opened.apply({ dims: x.shape, values: x.dataSync() as Float32Array })
        expect(found.dims).toEqual(y.shape)
        const expected = y.dataSync()
        expect(found.values.every((value, i) => Math.abs(value - expected[i]!) < 2e-5)).toBe(true)
        tf.dispose([x, y])
      }
    using net = enlarge(1.5, false)
    await expect(exportOnnx(net, { dynamicSize: true })).rejects.toThrow(/ARCHLOOM_ONNX_SIZE_FIXED/)
  })
})

type Pad = number | 'same' | 'valid' | [[number, number], [number, number], [number, number], [number, number]]
interface Form {
  readonly kernel: number
  readonly stride: number
  readonly pad: Pad
  readonly rounding: 'floor' | 'ceil' | 'round' | undefined
}

/** Every form of window; names stand alone, numbers with every rounding. */
function* formsOf(kernels: readonly number[], strides: readonly number[]): Generator<Form> {
  for (const kernel of kernels)
    for (const stride of strides) {
      for (const pad of ['same', 'valid'] as const) yield { kernel, stride, pad, rounding: undefined }
      const uneven: Pad = [[0, 0], [0, Math.min(1, kernel - 1)], [kernel - 1, 0], [0, 0]] // biome-ignore format: one line
      for (const pad of [0, 1, kernel - 1, uneven].filter((each, i, all) => all.indexOf(each) === i))
        for (const rounding of ['floor', 'ceil', 'round'] as const) yield { kernel, stride, pad, rounding }
    }
}

const LARGEST = slow ? 12 : 7
/** Sizes at which every window sees a part of the input, and there is a window. */
const sizesOf = ({ kernel, stride, pad, rounding }: Form, pooled: boolean, dilation = 1) =>
  Array.from({ length: LARGEST }, (_, i) => i + 1).filter((size) => {
    const width = dilation * (kernel - 1) + 1
    if (typeof pad === 'string') return pad === 'same' || size >= width
    const ends = typeof pad === 'number' ? [[pad, pad], [pad, pad]] : [pad[1], pad[2]] // biome-ignore format: one line
    return ends.every(([before, after]) => {
      const exact = (size + before! + after! - width) / stride + 1
      const outputs = rounding === 'ceil' ? Math.ceil(exact) : rounding === 'round' ? Math.round(exact) : Math.floor(exact) // biome-ignore format: one line
      return outputs >= 1 && (!pooled || (before! < width && (outputs - 1) * stride - before! < size))
    })
  })

type Make = (x: tf.Tensor4D, form: Form, kernel: tf.Tensor4D) => tf.Tensor
const layers: Readonly<Record<string, { make: Make; filter?: (kernel: number) => number[]; dilation?: number }>> = {
  'max pooling': { make: (x, { kernel, stride, pad, rounding }) => tf.maxPool(x, kernel, stride, pad as number, rounding) }, // biome-ignore format: one line
  'average pooling': { make: (x, { kernel, stride, pad, rounding }) => tf.avgPool(x, kernel, stride, pad as number, rounding) }, // biome-ignore format: one line
  'a convolution': {
    make: (x, { stride, pad, rounding }, filter) => tf.conv2d(x, filter, stride, pad as number, 'NHWC', 1, rounding),
    filter: (kernel) => [kernel, kernel, 2, 3],
  },
  'a dilated convolution': {
    make: (x, { pad, rounding }, filter) => tf.conv2d(x, filter, 1, pad as number, 'NHWC', 2, rounding),
    filter: (kernel) => [kernel, kernel, 2, 3],
    dilation: 2,
  },
  'a depthwise convolution': {
    make: (x, { stride, pad, rounding }, filter) => tf.depthwiseConv2d(x, filter, stride, pad as number, 'NHWC', 1, rounding), // biome-ignore format: one line
    filter: (kernel) => [kernel, kernel, 2, 2],
  },
  'a grouped convolution': {
    make: (x, { stride, pad, rounding }, filter) =>
      tf.concat(
        tf.split(x, 2, 3).map((part) => tf.conv2d(part as tf.Tensor4D, filter, stride, pad as number, 'NHWC', 1, rounding)), // biome-ignore format: one line
        3,
      ),
    filter: (kernel) => [kernel, kernel, 1, 2],
  },
  'a transposed convolution': {
    make: (x, { kernel, stride, pad, rounding }, filter) => {
      const [n, size] = x.shape
      const { outHeight, outWidth } = tf.backend_util.computeConv2DInfo([n, size, size, 3], [kernel, kernel, 3, 2], stride, 1, pad as never, rounding) // biome-ignore format: one line
      const small = tf.slice(tf.tile(x, [1, 2, 2, 1]), [0, 0, 0, 0], [n, outHeight, outWidth, 2])
      return tf.conv2dTranspose(small, filter, [n, size, size, 3], stride, pad as number, rounding)
    },
    filter: (kernel) => [kernel, kernel, 3, 2],
  },
}

describe('windows rounded down, up and to the nearest', () => {
  for (const [name, { make, filter, dilation = 1 }] of Object.entries(layers))
    it(`${name}: both exports give the network's sizes and values`, async () => {
      const strides = dilation > 1 ? [1] : slow ? [1, 2, 3, 4] : [2, 3]
      let seen = 0
      for (const form of formsOf(slow ? [1, 2, 3, 4, 5] : [3], strides)) {
        const used = sizesOf(form, filter === undefined, dilation)
        if (used.length === 0) continue
        const net = networkOf(
          [LARGEST, LARGEST, 2],
          used.map((size) => (x, kernels) => make(from(x, size), form, kernels.filter as tf.Tensor4D)),
          filter && { filter: filter(form.kernel) },
        )
        const { onnx, graph } = await difference(net)
        expect(onnx, `ONNX ${JSON.stringify(form)}`).toBeLessThan(1e-5)
        expect(graph, `graph model ${JSON.stringify(form)}`).toBeLessThan(1e-5)
        net[Symbol.dispose]()
        seen += used.length
      }
      expect(seen).toBeGreaterThan(30)
    }, 600_000)

  it('two by two of five by five, and three by three of six by six, are three by three', async () => {
    const net = networkOf(
      [6, 6, 2],
      [
        (x) => tf.maxPool(from(x, 5), 2, 2, 0, 'ceil'),
        (x, kernels) => tf.conv2d(x, kernels.filter as tf.Tensor4D, 2, 1, 'NHWC', 1, 'ceil'),
      ],
      { filter: [3, 3, 2, 3] },
    )
    // 3 · 3 · 2 of the pool, 4 · 4 · 3 of the convolution: (6 − 3 + 2) / 2 + 1 = 3.5.
    expect(net.outputShape).toEqual([3 * 3 * 2 + 4 * 4 * 3])
    const { onnx, graph } = await difference(net)
    expect(onnx).toBeLessThan(1e-5)
    expect(graph).toBeLessThan(1e-5)
  })

  it.each([
    ['behind the input', (x: tf.Tensor4D) => tf.maxPool(x, 1, 2, 0, 'ceil')],
    ['before the input', (x: tf.Tensor4D) => tf.avgPool(x, 2, 2, 2, 'floor')],
  ])('of pooling that lie %s are refused', async (_, part) => {
    const net = networkOf([4, 4, 1], [part])
    for (const refused of [exportOnnx(net), exportGraphModel(net, folder)])
      await expect(refused).rejects.toThrow(/ARCHLOOM_ONNX_KERNEL_FORM.*(MaxPool|AvgPool).*window/)
  })
})
