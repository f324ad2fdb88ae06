import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { buildDrn } from '../../../plugins/drn/index.ts'
import { exportOnnx, importOnnx, openOnnx } from '../../../plugins/onnx/index.ts'
import {
  buildCompactNetwork,
  superResolutionSpace,
  type UpscalingNetwork,
} from '../../../search-spaces/super-resolution/index.ts'
import { onnxFile } from './imports/onnx-files.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const mode = { training: false }
const sizes = [
  [1, 1],
  [1, 9],
  [7, 2],
  [5, 5],
  [13, 31],
  [40, 24],
] as const

const image = (height: number, width: number, channels = 3) =>
  tf.randomUniform([1, height, width, channels], 0, 255, 'float32', height * 100 + width)

/** Weights that are not zero, so that more than the bicubic part is compared. */
function stirred<N extends UpscalingNetwork>(network: N): N {
  const rng = seeded('weights')
  tf.tidy(() => {
    for (const variable of network.trainable) {
      const values = Float32Array.from({ length: variable.size }, () => 0.1 * rng.normal())
      variable.assign(tf.tensor(values, variable.shape))
    }
  })
  return network
}

/** The greatest difference between two results, as a share of 255. */
const apart = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length)
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most / 255
}

async function check(network: UpscalingNetwork & { readonly inputShape: readonly number[] }) {
  const { model, report } = await exportOnnx(network)
  expect(report.size).toBe('open')
  // The bicubic part is a convolution: no matrix of the size of the image.
  expect(report.operators.MatMul).toBeUndefined()
  await using opened = await openOnnx(model)
  using imported = await importOnnx(model, { input: network.inputShape })
  for (const [height, width] of sizes) {
    const x = image(height, width)
    const [ours, theirs] = tf.tidy(() => [network.upscale(x, mode).dataSync(), imported.upscale!(x, mode).dataSync()])
    const file = await opened.apply({ dims: x.shape, values: x.dataSync() as Float32Array })
    x.dispose()
    expect(file.dims).toEqual([1, height * network.scale, width * network.scale, 3])
    expect(apart(file.values, ours!), `the file at ${height}×${width}`).toBeLessThan(1e-5)
    expect(apart(theirs!, ours!), `the imported network at ${height}×${width}`).toBeLessThan(1e-5)
  }
  return report
}

describe('an upscaling network as ONNX takes images of any size', () => {
  it.each([2, 3, 4])('compact ×%i', async (scale) => {
    using network = stirred(
      buildCompactNetwork({ scale, features: 6, blocks: 2 }, { input: [8, 8, 3], rng: seeded(1) }),
    )
    await check(network)
  })

  it.each(['bicubic', 'none'] as const)('cells, with the shortcut %s', async (shortcut) => {
    const space = superResolutionSpace({ scale: 2, channels: 4, nodes: 2, cells: 2, shortcut })
    const rng = seeded(4)
    using network = space.build(space.decode(space.random(rng)), { input: [8, 8, 3], classes: 0, rng })
    await check(network)
  })

  it.each([2, 4] as const)('DRN ×%i', async (scale) => {
    using network = buildDrn({ scale, input: [8, 8, 3], rng: seeded(1), features: 8, blocks: 1 })
    await check(network)
  })

  it('the file of the default network holds its weights and little more', async () => {
    using network = buildCompactNetwork({ scale: 4 }, { input: [24, 24, 3], rng: seeded(1) })
    const parameters = network.trainable.reduce((sum, { size }) => sum + size, 0)
    const { report } = await exportOnnx(network)
    // 5 · 5 · 3 · 48 numbers of the bicubic part, and the graph.
    expect(report.bytes - 4 * parameters).toBeLessThan(4 * 3600 + 12_000)
  })

  it('keeps one size where `input` states it, and says why where the network allows no other', async () => {
    using network = buildCompactNetwork({ scale: 2, features: 4, blocks: 1 }, { input: [8, 8, 3], rng: seeded(1) })
    expect((await exportOnnx(network, { input: [6, 9, 3] })).report.size).toEqual([6, 9, 3])
    expect((await exportOnnx(network, { dynamicSize: false })).report.size).toEqual([8, 8, 3])
    const fixed = Object.assign(Object.create(network) as typeof network, {
      upscale: (x: tf.Tensor) => tf.tile(x, [1, x.shape[1]!, 1, 1]),
    })
    const { report } = await exportOnnx(fixed)
    expect(report.size).toEqual([8, 8, 3])
    expect(report.sizeReason).toMatch(/repeated as often as the size says/)
    await expect(exportOnnx(fixed, { dynamicSize: true })).rejects.toThrow(/ARCHLOOM_ONNX_SIZE_FIXED/)
  })
})

describe('importOnnx reads what enlarging files are made of', () => {
  const file = (
    op: string,
    attributes: Record<string, string | number>,
    constants: { name: string; ints: number[] }[],
  ) =>
    onnxFile(
      [{ op, inputs: ['x', ...constants.map(({ name }) => name)], outputs: ['y'], attributes }],
      [{ name: 'x', dims: [1, 8, 3, 4] }],
      [{ name: 'y', dims: ['a', 'b', 'c', 'd'] }],
      constants.map(({ name, ints }) => ({ name, dims: [ints.length], ints })),
    )
  const list = (name: string, ...ints: number[]) => ({ name, ints })
  const cases: [string, Uint8Array][] = [
    ['DepthToSpace, columns first', file('DepthToSpace', { blocksize: 2, mode: 'DCR' }, [])],
    ['DepthToSpace of PyTorch', file('DepthToSpace', { blocksize: 2, mode: 'CRD' }, [])],
    ['Slice from the end', file('Slice', {}, [list('s', -2, 1), list('e', 2 ** 31 - 1, -1), list('a', 3, 1)])],
    ['Slice backwards', file('Slice', {}, [list('s', -1), list('e', -(2 ** 31 - 1)), list('a', 2), list('t', -1)])],
    ['Pad with the edge', file('Pad', { mode: 'edge' }, [list('p', 0, 0, 2, 1, 0, 0, 1, 3)])],
    ['Pad by reflection', file('Pad', { mode: 'reflect' }, [list('p', 0, 0, 1, 1, 0, 0, 2, 3)])],
    ['Pad with zeros', file('Pad', {}, [list('p', 0, 1, 0, 0, 0, 2, 1, 0)])],
  ]
  it.each(cases)('%s, as ONNX Runtime computes it', async (_, model) => {
    const values = Float32Array.from({ length: 96 }, (__, i) => i)
    await using opened = await openOnnx(model)
    const expected = await opened.apply({ dims: [1, 8, 3, 4], values })
    using imported = await importOnnx(model, { layout: 'file' })
    const y = tf.tidy(() => {
      const result = imported.apply(tf.tensor(values, [1, 8, 3, 4]), mode)
      return { shape: result.shape, values: [...result.dataSync()] }
    })
    expect(y).toEqual({ shape: [...expected.dims], values: [...expected.values] })
    using turned = await importOnnx(model)
    const z = tf.tidy(() => {
      const last = tf.transpose(tf.tensor(values, [1, 8, 3, 4]), [0, 2, 3, 1])
      return [...turned.apply(last, mode).dataSync()]
    })
    expect(z).toEqual([...expected.values])
  })

  const weights = Array.from({ length: 8 * 2 * 9 }, (_, i) => ((i * 37) % 19) / 19 - 0.5)
  const transposed = (attributes: Record<string, number[]>) =>
    onnxFile(
      [{ op: 'ConvTranspose', inputs: ['x', 'w', 'b'], outputs: ['y'], attributes }],
      [{ name: 'x', dims: [1, 8, 3, 4] }],
      [{ name: 'y', dims: ['a', 'b', 'c', 'd'] }],
      [
        { name: 'w', dims: [8, 2, 3, 3], floats: weights },
        { name: 'b', dims: [2], floats: [1, -2] },
      ],
    )
  const resized = (attributes: Record<string, string>, ...floats: number[]) =>
    onnxFile(
      [{ op: 'Resize', inputs: ['x', '', 's'], outputs: ['y'], attributes }],
      [{ name: 'x', dims: [1, 8, 3, 4] }],
      [{ name: 'y', dims: ['a', 'b', 'c', 'd'] }],
      [{ name: 's', dims: [4], floats }],
    )
  const nearest = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
  const enlarging: [string, Uint8Array][] = [
    ['ConvTranspose', transposed({ strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 0] })],
    ['ConvTranspose beyond its windows', transposed({ strides: [3, 2], output_padding: [2, 1] })],
    ['Resize to the nearest neighbour', resized(nearest, 1, 1, 2, 3)],
    ['Resize to the nearest of centres', resized({ mode: 'nearest' }, 1, 1, 3, 2)],
    ['Resize, linear', resized({ mode: 'linear' }, 1, 1, 2, 3)],
    ['Resize, linear between corners', resized({ mode: 'linear', coordinate_transformation_mode: 'align_corners' }, 1, 1, 2, 2)], // biome-ignore format: one line
  ]
  it.each(enlarging)('%s, to the accuracy of floats', async (_, model) => {
    const values = Float32Array.from({ length: 96 }, (__, i) => ((i * 29) % 31) / 31)
    await using opened = await openOnnx(model)
    const expected = await opened.apply({ dims: [1, 8, 3, 4], values })
    using imported = await importOnnx(model, { layout: 'file' })
    const y = tf.tidy(() => {
      const result = imported.apply(tf.tensor(values, [1, 8, 3, 4]), mode)
      return { shape: result.shape, values: result.dataSync() }
    })
    expect(y.shape).toEqual([...expected.dims])
    y.values.forEach((value, i) => {
      expect(Math.abs(value - expected.values[i]!)).toBeLessThan(1e-5)
    })
  })

  it('refuses other steps and sizes', async () => {
    const steps = file('Slice', {}, [list('s', 0), list('e', 4), list('a', 3), list('t', 2)])
    await expect(importOnnx(steps)).rejects.toThrow(/ARCHLOOM_ONNX_ATTRIBUTE.*steps/)
    await expect(importOnnx(file('DepthToSpace', { blocksize: 3 }, []))).rejects.toThrow(/blocksize/)
    await expect(importOnnx(file('Pad', { mode: 'wrap' }, [list('p', 0, 0, 1, 1, 0, 0, 1, 1)]))).rejects.toThrow(/mode/)
    await expect(importOnnx(resized(nearest, 1, 1, 1.5, 2))).rejects.toThrow(/scales/)
    await expect(importOnnx(resized({ mode: 'cubic' }, 1, 1, 2, 2))).rejects.toThrow(/mode.*cubic/)
    await expect(importOnnx(transposed({ dilations: [2, 2] }))).rejects.toThrow(/dilations/)
  })
})
