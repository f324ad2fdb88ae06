/** tfjs's wasm engine with nothing but the one kernel it lacks to train convolutions, as the obvious composition. */
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'

type Four = [number, number, number, number]
type Attributes = { strides: [number, number]; pad: 'same' | 'valid' | number; filterShape: Four }

/** dw = x ∗ dy with the batch as channels: transpose both, pad, and convolve forward. */
function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, { strides, pad, filterShape }: Attributes): tf.Tensor {
  const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad)
  const { padInfo, strideHeight, strideWidth, filterHeight, filterWidth } = info
  const rows = (info.outHeight - 1) * strideHeight + filterHeight
  const columns = (info.outWidth - 1) * strideWidth + filterWidth
  const turned = tf.transpose(x, [3, 1, 2, 0]) as tf.Tensor4D
  const [c, h, w, n] = turned.shape
  const bottom = Math.max(0, rows - h - padInfo.top)
  const right = Math.max(0, columns - w - padInfo.left)
  const padded = tf.pad(turned, [
    [0, 0],
    [padInfo.top, bottom],
    [padInfo.left, right],
    [0, 0],
  ])
  const cut = tf.slice(padded, [0, 0, 0, 0], [c, rows, columns, n])
  const filter = tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D
  const taps = tf.conv2d(cut, filter, 1, 'valid', 'NHWC', [strideHeight, strideWidth])
  return tf.transpose(taps, [1, 2, 0, 3])
}

export async function startStockWasm(): Promise<void> {
  tf.registerKernel({
    kernelName: 'Conv2DBackpropFilter',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => filterGradient(inputs.x as tf.Tensor4D, inputs.dy as tf.Tensor4D, attrs as unknown as Attributes)),
  })
  tf.enableProdMode()
  await tf.setBackend('wasm')
}
