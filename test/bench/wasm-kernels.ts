/**
 * Gradient kernels and transposed products on tfjs's WebAssembly engine: our fill-ins against its own kernels, or
 * against the obvious composition where it has none. Interleaved, medians.   npm run bench -- wasm-kernels [--json]
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { useEngine } from '../../core/tensor/index.ts'

interface Case {
  readonly name: string
  /** Floating-point operations. */
  readonly operations: number
  readonly reference: string
  readonly stock: () => tf.Tensor
  readonly ours: () => tf.Tensor
}

const kernelOf = (kernel: string, inputs: tf.NamedTensorMap, attributes: object = {}) =>
  tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap) as tf.Tensor

const uniform = (shape: number[], seed: number) => tf.randomUniform(shape, -1, 1, 'float32', seed)

/** Keeps the engine's own kernels callable under another name, before fill-ins take their place. */
async function keepStock(kernels: readonly string[]): Promise<void> {
  await import('@tensorflow/tfjs-backend-wasm')
  for (const kernelName of kernels) {
    const config = tf.getKernel(kernelName, 'wasm')
    tf.registerKernel({ ...config, kernelName: `Stock${kernelName}` })
  }
}

/** ∂L/∂W tap by tap: a window of the padded input, transposed by the engine's own product, times dy. */
function filterGradientByTaps(x: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor {
  const [n, h, w, c] = x.shape
  const o = dy.shape[3]
  const padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]) // biome-ignore format: one line
  const rows = tf.reshape(dy, [1, n * h * w, o])
  const taps = Array.from({ length: 9 }, (_, tap) => {
    const window = tf.slice(padded, [0, Math.floor(tap / 3), tap % 3, 0], [n, h, w, c])
    const a = tf.reshape(window, [1, n * h * w, c])
    return kernelOf('StockBatchMatMul', { a, b: rows }, { transposeA: true, transposeB: false })
  })
  return tf.reshape(tf.concat(taps, 0), [3, 3, c, o])
}

/** The same for one kernel a channel: window times dy, summed by the engine. */
function depthwiseFilterGradientByTaps(x: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor {
  const [n, h, w, c] = x.shape
  const padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]) // biome-ignore format: one line
  const taps = Array.from({ length: 9 }, (_, tap) =>
    tf.sum(tf.mul(tf.slice(padded, [0, Math.floor(tap / 3), tap % 3, 0], [n, h, w, c]), dy), [0, 1, 2]),
  )
  return tf.reshape(tf.stack(taps), [3, 3, c, 1])
}

function convolutionCases(batch: number, size: number, c: number, stride: number): Case[] {
  const x = uniform([batch, size, size, c], 1) as tf.Tensor4D
  const out = Math.ceil(size / stride)
  const dy = uniform([batch, out, out, c], 2) as tf.Tensor4D
  const filter = uniform([3, 3, c, c], 3)
  const attributes = { strides: stride, pad: 'same', dataFormat: 'NHWC' }
  const operations = 2 * 9 * c * c * batch * out * out
  const label = `${c} channels, ${size}×${size}, batch ${batch}, stride ${stride}`
  const input: Case = {
    name: `input gradient, ${label}`,
    operations,
    reference: 'stock kernel',
    stock: () => kernelOf('StockConv2DBackpropInput', { dy, filter }, { ...attributes, inputShape: x.shape }),
    ours: () => kernelOf('Conv2DBackpropInput', { dy, filter }, { ...attributes, inputShape: x.shape }),
  }
  const kernel: Case = {
    name: `kernel gradient, ${label}`,
    operations,
    reference: 'stock products, tap by tap',
    stock: () => filterGradientByTaps(x, dy),
    ours: () => kernelOf('Conv2DBackpropFilter', { x, dy }, { ...attributes, filterShape: filter.shape }),
  }
  return stride === 1 ? [input, kernel] : [input]
}

function depthwiseCases(batch: number, size: number, c: number): Case[] {
  const [x, dy] = [uniform([batch, size, size, c], 1) as tf.Tensor4D, uniform([batch, size, size, c], 2) as tf.Tensor4D]
  const attributes = { strides: 1, pad: 'same', dilations: [1, 1], filterShape: [3, 3, c, 1] }
  return [
    {
      name: `depthwise kernel gradient, ${c} channels, ${size}×${size}, batch ${batch}`,
      operations: 2 * 9 * c * batch * size * size,
      reference: 'stock sums, tap by tap',
      stock: () => depthwiseFilterGradientByTaps(x, dy),
      ours: () => kernelOf('DepthwiseConv2dNativeBackpropFilter', { x, dy }, attributes),
    },
  ]
}

function productCases(n: number): Case[] {
  const [a, b] = [uniform([1, n, n], 1), uniform([1, n, n], 2)]
  return [
    [true, false],
    [false, true],
  ].map(([transposeA, transposeB]) => ({
    name: `${n}³ product, ${transposeA ? 'first' : 'second'} transposed`,
    operations: 2 * n ** 3,
    reference: 'stock kernel',
    stock: () => kernelOf('StockBatchMatMul', { a, b }, { transposeA, transposeB }),
    ours: () => kernelOf('BatchMatMul', { a, b }, { transposeA, transposeB }),
  }))
}

const timed = (make: () => tf.Tensor): number => {
  const start = performance.now()
  tf.tidy(() => {
    make()
  })
  return performance.now() - start
}

const median = (times: number[]) => times.sort((x, y) => x - y)[times.length >> 1] as number

function compare({ name, operations, reference, stock, ours }: Case, rounds: number): BenchResult[] {
  const times = { stock: [] as number[], ours: [] as number[] }
  for (let round = -1; round < rounds; round++) {
    const [s, o] = [timed(stock), timed(ours)]
    // The first round warms up.
    if (round >= 0) times.stock.push(s) && times.ours.push(o)
  }
  const speed = (ms: number) => operations / ms / 1e6
  const [before, after] = [speed(median(times.stock)), speed(median(times.ours))]
  const stockName = `${reference}: ${name}`
  return [
    { name: stockName, value: before, unit: 'GFLOP/s' },
    { name: `fill-in: ${name}`, value: after, unit: 'GFLOP/s', reference: stockName, ratio: after / before },
  ]
}

export async function run(options: { rounds?: number } = {}): Promise<Bench> {
  await keepStock(['BatchMatMul', 'Conv2DBackpropInput'])
  await useEngine('wasm')
  const cases = [
    ...convolutionCases(16, 32, 32, 1),
    ...convolutionCases(16, 16, 64, 1),
    ...convolutionCases(16, 32, 32, 2),
    ...depthwiseCases(16, 32, 32),
    ...productCases(512),
  ]
  return { bench: 'wasm-kernels', results: cases.flatMap((each) => compare(each, options.rounds ?? 5)) }
}
