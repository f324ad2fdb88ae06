import * as tf from '@tensorflow/tfjs-core'
import type { KernelFillIn, Stock } from './fill-in.ts'

interface MatMulAttributes {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
}

const swapLastTwo = (x: tf.Tensor): tf.Tensor => {
  const axes = [...x.shape.keys()]
  const rank = axes.length
  return tf.transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2])
}

/**
 * Transposes first, then multiplies matrix by matrix with the engine's plain product: the only product that is fast in
 * the wasm package is [1, m, k] × [1, k, n] without transposition.
 */
export const transposedMatmul: KernelFillIn = {
  kernel: 'BatchMatMul',
  replacesOnly: true,
  compute: ({ a, b }, attributes, stock) => {
    const { transposeA, transposeB } = attributes as unknown as MatMulAttributes
    const left = transposeA ? swapLastTwo(a as tf.Tensor) : (a as tf.Tensor)
    const right = transposeB ? swapLastTwo(b as tf.Tensor) : (b as tf.Tensor)
    return multiply(left as tf.Tensor3D, right as tf.Tensor3D, stock as Stock)
  },
}

function multiply(a: tf.Tensor, b: tf.Tensor, stock: Stock): tf.Tensor {
  const plain = (x: tf.Tensor, y: tf.Tensor) => stock({ a: x, b: y }, { transposeA: false, transposeB: false })
  const batch = a.shape[0] as number
  if (a.rank !== 3 || b.rank !== 3 || batch === 1 || b.shape[0] !== batch) return plain(a, b)
  const [as, bs] = [tf.split(a, batch), tf.split(b, batch)]
  return tf.concat(
    as.map((x, i) => plain(x, bs[i] as tf.Tensor)),
    0,
  )
}
