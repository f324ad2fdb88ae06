/**
 * A convolution with both of its gradients on ONNX Runtime's WebAssembly build and on the engine `wasm`, one thread each, in
 * this process. Interleaved, medians. ONNX Runtime Web is no dependency: `npm install --no-save onnxruntime-web` first.
 *     npm run bench -- onnxruntime-web [--rounds 15] [--json]
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { encode, Graph } from '../../plugins/onnxruntime/proto.ts'

interface Layer {
  readonly batch: number
  readonly size: number
  readonly channels: number
}

const layers: readonly Layer[] = [
  { batch: 32, size: 32, channels: 16 },
  { batch: 32, size: 16, channels: 32 },
  { batch: 32, size: 16, channels: 64 },
]

/** The part of ONNX Runtime Web that is used here. */
interface OrtTensor {
  readonly data: Float32Array
}
interface Ort {
  readonly env: { readonly wasm: { numThreads: number }; logLevel: string }
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OrtTensor
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>> }>
  }
}

/** Filter gradients: as nine shifted views times dy, or as a convolution of x with dy over the images. */
const ways = ['product', 'convolution'] as const

/** 3×3, stride 1, 'same': y, ∂L/∂x and ∂L/∂w of channels-first tensors, the latter as [channel, channel, 3, 3]. */
function graphOf({ batch, size, channels }: Layer, way: (typeof ways)[number]): Uint8Array {
  const graph = new Graph()
  const shape = [batch, channels, size, size]
  const x = graph.input('x', shape)
  const w = graph.input('w', [channels, channels, 3, 3])
  const dy = graph.input('dy', shape)
  const pads = [1, 1, 1, 1]
  const y = graph.op('Conv', [x, w], { pads, kernel_shape: [3, 3] })
  const dx = graph.op('ConvTranspose', [dy, w], { pads, kernel_shape: [3, 3] })
  let dw: string
  if (way === 'convolution') {
    const flipped = (name: string) => graph.op('Transpose', [name], { perm: [1, 0, 2, 3] })
    dw = graph.op('Transpose', [graph.op('Conv', [flipped(x), flipped(dy)], { pads, kernel_shape: [size, size] })], {
      perm: [1, 0, 2, 3],
    })
  } else {
    const padded = graph.op('Pad', [x, graph.ints([0, 0, 1, 1, 0, 0, 1, 1])])
    const taps = Array.from({ length: 9 }, (_, tap) => {
      const [top, left] = [Math.floor(tap / 3), tap % 3]
      return graph.op('Slice', [
        padded,
        graph.ints([top, left]),
        graph.ints([top + size, left + size]),
        graph.ints([2, 3]),
      ])
    })
    const rows = graph.op('Reshape', [
      graph.op('Transpose', [graph.op('Concat', taps, { axis: 1 })], { perm: [1, 0, 2, 3] }),
      graph.ints([9 * channels, batch * size * size]),
    ])
    const columns = graph.op('Reshape', [
      graph.op('Transpose', [dy], { perm: [0, 2, 3, 1] }),
      graph.ints([batch * size * size, channels]),
    ])
    const product = graph.op('Reshape', [graph.op('MatMul', [rows, columns]), graph.ints([3, 3, channels, channels])])
    dw = graph.op('Transpose', [product], { perm: [3, 2, 0, 1] })
  }
  return encode(graph.output(y, shape).output(dx, shape).output(dw, [channels, channels, 3, 3]))
}

const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 1]!

async function compare(ort: Ort, layer: Layer, rounds: number): Promise<BenchResult[]> {
  const { batch, size, channels } = layer
  const image = [batch, size, size, channels] as [number, number, number, number]
  const x = tf.randomUniform(image, -1, 1, 'float32', 1)
  const w = tf.randomUniform([3, 3, channels, channels], -1, 1, 'float32', 2) as tf.Tensor4D
  const dy = tf.randomUniform(image, -1, 1, 'float32', 3)
  const attributes = { strides: 1, pad: 'same', dataFormat: 'NHWC' }
  const kernel = (name: string, inputs: tf.NamedTensorMap, more: object) =>
    tf.engine().runKernel(name, inputs, { ...attributes, ...more } as unknown as tf.NamedAttrMap) as tf.Tensor
  const onTfjs = () => [
    kernel('Conv2D', { x, filter: w }, { dilations: 1 }),
    kernel('Conv2DBackpropInput', { dy, filter: w }, { inputShape: image }),
    kernel('Conv2DBackpropFilter', { x, dy }, { filterShape: w.shape }),
  ]
  const first = (tensor: tf.Tensor, perm: number[]) =>
    tf.tidy(() => tf.transpose(tensor, perm).dataSync() as Float32Array)
  const shape = [batch, channels, size, size]
  const feeds = {
    x: new ort.Tensor('float32', first(x, [0, 3, 1, 2]), shape),
    w: new ort.Tensor('float32', first(w, [3, 2, 0, 1]), [channels, channels, 3, 3]),
    dy: new ort.Tensor('float32', first(dy, [0, 3, 1, 2]), shape),
  }
  const perms = [[0, 3, 1, 2], [0, 3, 1, 2], [3, 2, 0, 1]] // biome-ignore format: one line
  const wanted = tf.tidy(() => onTfjs().map((tensor, i) => first(tensor, perms[i]!)))
  const sessions = await Promise.all(
    ways.map((way) => ort.InferenceSession.create(graphOf(layer, way), { executionProviders: ['wasm'] })),
  )
  for (const session of sessions) {
    const got = Object.values(await session.run(feeds))
    got.forEach(({ data }, i) => {
      const off = data.reduce((most, value, at) => Math.max(most, Math.abs(value - wanted[i]![at]!)), 0)
      if (!(off < 1e-2)) throw new RangeError(`result ${i} of ONNX Runtime Web is off by ${off}`)
    })
  }
  const times = { tfjs: [] as number[], product: [] as number[], convolution: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    let began = performance.now()
    tf.tidy(() => void onTfjs())
    times.tfjs.push(performance.now() - began)
    for (const [i, way] of ways.entries()) {
      began = performance.now()
      await sessions[i]!.run(feeds)
      times[way].push(performance.now() - began)
    }
  }
  tf.dispose([x, w, dy])
  const reference = median(times.tfjs)
  const label = `${channels} channels, ${size}×${size}, batch ${batch}`
  return [
    { name: `wasm: ${label}`, value: reference, unit: 'ms' },
    ...ways.map((way) => ({
      name: `onnxruntime-web, filter gradient by ${way}: ${label}`,
      value: median(times[way]),
      unit: 'ms',
      reference: 'the engine wasm',
      ratio: reference / median(times[way]),
    })),
  ]
}

export async function run({ rounds = 15 }: { rounds?: number } = {}): Promise<Bench> {
  const name = 'onnxruntime-web'
  const ort = (await import(/* @vite-ignore */ name)) as Ort
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
  await useEngine('wasm')
  const results: BenchResult[] = []
  for (const layer of layers) results.push(...(await compare(ort, layer, Number(rounds))))
  return { bench: name, results }
}
