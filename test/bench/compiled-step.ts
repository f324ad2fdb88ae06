/**
 * Would a whole step compiled to ONNX graphs beat kernels called one by one? The parts that such a graph could save,
 * measured: the time of a step outside kernels, and one conv-bn-relu layer as one graph against three calls (64 images,
 * 32×32, 32 channels).   npm run bench -- compiled-step [--json]
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { batchNormTraining } from '../../core/tensor/index.ts'
import type { OnnxRuntimeBackend } from '../../plugins/onnxruntime/backend.ts'
import { blockFilter } from '../../plugins/onnxruntime/kernels/blocked.ts'
import type { Graph } from '../../plugins/onnxruntime/proto.ts'
import { start } from '../../plugins/onnxruntime/start.ts'
import { nets } from './train-step/nets.ts'
import { profileKernels } from './train-step/profile.ts'

const [n, size, channels] = [64, 32, 32] as const
const epsilon = 1e-5
const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number

/** Processor time in milliseconds: one thread works, and what else the machine does stays out. */
function timed(f: () => void): number {
  const before = process.cpuUsage()
  f()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Convolution, batch statistics, normalisation and ReLU as ONNX nodes, all in the blocked layout. */
function layerGraph(g: Graph, block: number): void {
  const blocks = channels / block
  const dims = [n, blocks, size * size, block]
  const attributes = { kernel_shape: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], group: 1 }
  const inputs = [g.input('x', [n, channels, size, size]), g.input('w', [channels, channels, 3, 3])]
  const y = g.op('Reshape', [g.op('com.microsoft.nchwc:Conv', inputs, attributes), g.ints(dims)])
  const mean = g.op('ReduceMean', [y], { axes: [0, 2], keepdims: 1 })
  const centred = g.op('Sub', [y, mean])
  const variance = g.op('ReduceMean', [g.op('Mul', [centred, centred])], { axes: [0, 2], keepdims: 1 })
  const deviation = g.op('Sqrt', [g.op('Add', [variance, g.constant([epsilon], 'float32')])])
  g.output(g.op('Relu', [g.op('Div', [centred, deviation])]), dims)
}

export async function run(options: { rounds?: number } = {}): Promise<Bench> {
  const rounds = options.rounds ?? 15
  start({ threads: 1 })
  tf.enableProdMode()
  await tf.setBackend('onnxruntime')
  const be = tf.backend() as unknown as OnnxRuntimeBackend
  const { block } = be.layout
  const filter = tf.randomNormal([3, 3, channels, channels], 0, 1, 'float32', 1) as tf.Tensor4D
  const x = tf.randomNormal([n, size, size, channels], 0, 1, 'float32', 2) as tf.Tensor4D
  const blocked = be.blocked(x)
  const weights = blockFilter(be, be.entry(filter).numbers as Float32Array<ArrayBuffer>, 9, channels, channels)
  const y = be.memoryPool.floats(x.size)
  const times = { graph: [] as number[], eager: [] as number[] }
  for (let round = -2; round < rounds; round++) {
    const graph = timed(() => be.sessions.run('layer', (g) => layerGraph(g, block), 1, [blocked, weights], [y]))
    const eager = timed(() => {
      tf.tidy(() => void batchNormTraining(tf.conv2d(x, filter, 1, 'same'), undefined, undefined, epsilon, true))
    })
    if (round >= 0) times.graph.push(graph) && times.eager.push(eager)
  }
  const step = (nets['conv-net'] as () => () => number)()
  for (let i = 0; i < 3; i++) step()
  const totals = profileKernels()
  let average = 0
  for (let i = 0; i < 10; i++) {
    const before = performance.now()
    step()
    average += (performance.now() - before) / 10
  }
  const inKernels = Object.values(totals()).reduce((sum, { ms }) => sum + ms, 0) / 10
  const [graph, eager] = [median(times.graph), median(times.eager)]
  const results: BenchResult[] = [
    { name: 'conv-bn-relu as one graph', value: graph, unit: 'ms' },
    {
      name: 'conv-bn-relu, kernel by kernel',
      value: eager,
      unit: 'ms',
      reference: 'conv-bn-relu as one graph',
      ratio: graph / eager,
    },
    { name: 'conv-net step', value: average, unit: 'ms' },
    { name: 'conv-net step, outside kernels', value: average - inKernels, unit: 'ms' },
  ]
  return { bench: 'compiled-step', results }
}
