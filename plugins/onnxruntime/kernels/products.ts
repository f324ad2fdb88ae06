/** Matrix products, with transposition, broadcasting over the batch, and bias and activation in the same graph. */
import * as tf from '@tensorflow/tfjs-core'
import type { OnnxRuntimeBackend } from '../backend.ts'
import type { Graph } from '../proto.ts'
import { type Call, floats, input, type KernelTable } from './kernel.ts'

interface MatMulAttributes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}
interface FusedAttributes extends MatMulAttributes {
  readonly activation?: string | null
  readonly leakyreluAlpha?: number
}

/** Below this number of multiply-adds, the cpu kernel ends before a graph has started. */
const worthGraph = 4096

/** Activations that are one ONNX node. */
const activations: Readonly<Record<string, (g: Graph, x: string, alpha: number) => string>> = {
  linear: (_, x) => x,
  relu: (g, x) => g.op('Relu', [x]),
  relu6: (g, x) => g.op('Clip', [x, g.constant([0], 'float32'), g.constant([6], 'float32')]),
  elu: (g, x) => g.op('Elu', [x]),
  sigmoid: (g, x) => g.op('Sigmoid', [x]),
  leakyrelu: (g, x, alpha) => g.op('LeakyRelu', [x], { alpha: { float: alpha } }),
}

function product(
  be: OnnxRuntimeBackend,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  { transposeA, transposeB }: MatMulAttributes,
  bias: tf.TensorInfo | undefined,
  activation: string,
  alpha = 0,
): tf.TensorInfo | undefined {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number]
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number]
  const [m, k, n] = [transposeA ? columnsA : rowsA, transposeA ? rowsA : columnsA, transposeB ? rowsB : columnsB]
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const shape = [...batch, m, n]
  const work = tf.util.sizeFromShape(shape) * k
  const activate = activations[activation]
  if (work < worthGraph || !activate) return undefined
  const out = be.output(shape)
  be.sessions.run(
    `matmul ${[a.shape, b.shape].map((each) => each.join()).join(' ')} ${transposeA} ${transposeB} ${bias?.shape} ${activation} ${alpha}`,
    (g) => {
      const inputs = [g.input('a', a.shape), g.input('b', b.shape)]
      const y = g.op('com.microsoft:FusedMatMul', inputs, { transA: Number(transposeA), transB: Number(transposeB) })
      g.output(activate(g, bias ? g.op('Add', [y, g.input('bias', bias.shape)]) : y, alpha), shape)
    },
    work,
    [a, b, ...(bias ? [bias] : [])].map((tensor) => be.entry(tensor).numbers),
    [out.values],
  )
  return out
}

const batchMatMul = ({ inputs, attrs, backend }: Call<MatMulAttributes>) => {
  const [a, b] = [input(inputs, 'a'), input(inputs, 'b')]
  return floats(a, b) ? product(backend, a, b, attrs, undefined, 'linear') : undefined
}

const fusedMatMul = ({ inputs, attrs, backend }: Call<FusedAttributes>) => {
  const [a, b] = [input(inputs, 'a'), input(inputs, 'b')]
  const { bias, preluActivationWeights } = inputs
  if (!floats(a, b, bias) || preluActivationWeights) return undefined
  return product(backend, a, b, attrs, bias, attrs.activation ?? 'linear', attrs.leakyreluAlpha)
}

export const products: KernelTable = { BatchMatMul: batchMatMul, _FusedMatMul: fusedMatMul }
