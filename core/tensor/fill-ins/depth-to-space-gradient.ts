import * as tf from '@tensorflow/tfjs-core'
import type { GradientFillIn } from './fill-in.ts'

/** Moves blocks of size × size pixels back into channels: the inverse of tf.depthToSpace, and so its gradient. */
export function spaceToDepth(x: tf.Tensor4D, size: number, dataFormat: 'NHWC' | 'NCHW' = 'NHWC'): tf.Tensor4D {
  if (dataFormat === 'NCHW') return tf.transpose(spaceToDepth(tf.transpose(x, [0, 2, 3, 1]), size), [0, 3, 1, 2])
  const [n, h, w, c] = x.shape
  const blocks = tf.reshape(x, [n * (h / size), size, w / size, size * c])
  return tf.reshape(tf.transpose(blocks, [0, 2, 1, 3]), [n, h / size, w / size, size * size * c])
}

export const depthToSpaceGradient: GradientFillIn = {
  kernel: 'DepthToSpace',
  gradient: () => (dy, _saved, attributes) => {
    const { blockSize, dataFormat } = attributes as unknown as { blockSize: number; dataFormat: 'NHWC' | 'NCHW' }
    return { x: () => spaceToDepth(dy as tf.Tensor4D, blockSize, dataFormat) }
  },
}
