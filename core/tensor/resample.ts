import * as tf from '@tensorflow/tfjs-core'

type Stride = number | readonly [rows: number, columns: number]

const pairOf = (stride: Stride): readonly [number, number] => (typeof stride === 'number' ? [stride, stride] : stride)

/**
 * Every stride-th row and column of [batch, height, width, channels], starting with the first. It uses pad, reshape
 * and slice, because every engine has these kernels and their gradients.
 */
export function subsample(x: tf.Tensor4D, stride: Stride): tf.Tensor4D {
  const [down, right] = pairOf(stride)
  if (down === 1 && right === 1) return x
  const [n, h, w, c] = x.shape
  const [rows, columns] = [Math.ceil(h / down), Math.ceil(w / right)]
  const whole = rows * down === h && columns * right === w ? x : grow(x, rows * down - h, columns * right - w)
  const phases = tf.reshape(whole, [n * rows, down, columns, right * c])
  return tf.reshape(tf.slice(phases, [0, 0, 0, 0], [n * rows, 1, columns, c]), [n, rows, columns, c])
}

/** [n, h, w, c] → [n, h·rows, w·columns, c]: each value at the top left of its block, zeros elsewhere. */
export function insertZeros(x: tf.Tensor4D, stride: Stride): tf.Tensor4D {
  const [down, right] = pairOf(stride)
  if (down === 1 && right === 1) return x
  const [n, h, w, c] = x.shape
  return tf.reshape(grow(tf.reshape(x, [n * h, 1, w, c]), down - 1, 0, (right - 1) * c), [n, h * down, w * right, c])
}

const grow = (x: tf.Tensor4D, rows: number, columns: number, channels = 0): tf.Tensor4D => {
  const ends = [0, rows, columns, channels]
  return tf.pad(
    x,
    ends.map((end) => [0, end]),
  )
}
