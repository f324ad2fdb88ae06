/** Pooling in the blocked layout; gradients as vector loops over the taps, or as a depthwise convolution of ones. */
import * as tf from '@tensorflow/tfjs-core'
import type { Dims } from '../storage.ts'
import { convolveBack, depthwiseFilter, type Floats, type Window } from './blocked.ts'
import { aligned, hasNaN } from './elementwise.ts'
import { type Call, floats, input, type KernelTable } from './kernel.ts'

interface PoolAttributes {
  readonly filterSize: [number, number] | number
  readonly strides: [number, number] | number
  readonly pad: Parameters<typeof tf.backend_util.computePool2DInfo>[4]
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

function planOf(shape: readonly number[], { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) {
  const info = tf.backend_util.computePool2DInfo(shape as Dims as never, filterSize, strides, 1, pad, dimRoundingMode)
  const { top, left } = info.padInfo
  const end = (size: number, out: number, kernel: number, stride: number, before: number) =>
    Math.max(0, (out - 1) * stride + kernel - size - before)
  const window: Window = {
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [1, 1],
    pads: [
      top,
      left,
      end(info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, top),
      end(info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, left),
    ],
  }
  // A window that covers only padding has no value; the cpu kernel handles it.
  const inside = window.pads.every((pad, side) => pad < window.kernel[side % 2]!)
  return inside && tf.util.sizeFromShape(info.outShape) > 0 ? { info, window } : undefined
}

const pool =
  (op: 'MaxPool' | 'AveragePool') =>
  ({ inputs, attrs, backend: be }: Call<PoolAttributes>) => {
    const x = input(inputs, 'x')
    const plan = floats(x) && planOf(x.shape, attrs)
    if (!plan) return undefined
    // ONNX Runtime may lose a NaN, depending on its position; the cpu kernel never does.
    if (op === 'MaxPool' && hasNaN(be, aligned(be, [x])[0] as Floats)) return undefined
    const { kernel, strides, pads } = plan.window
    const [n, h, w, c] = x.shape as unknown as Dims
    const [, oh, ow] = plan.info.outShape
    const attributes = { kernel_shape: kernel, strides, pads, ...(op === 'AveragePool' && { count_include_pad: 0 }) }
    const key = `${op} ${[n, h, w, c, kernel, strides, pads]}`
    if (!be.convolvesBlocks) {
      const y = be.output(plan.info.outShape)
      be.sessions.run(
        key,
        (g) => {
          const turned = g.op('Transpose', [g.input('x', x.shape)], { perm: [0, 3, 1, 2] })
          g.output(g.op('Transpose', [g.op(op, [turned], attributes)], { perm: [0, 2, 3, 1] }), plan.info.outShape)
        },
        n * oh * ow * c * kernel[0] * kernel[1],
        [be.entry(x).numbers],
        [y.values],
      )
      return y
    }
    const channels = be.layout.padded(c)
    const dims: Dims = [n, oh, ow, c]
    const y = be.layout.room(dims)
    be.sessions.run(
      key,
      (g) => {
        const out = g.op(`com.microsoft.nchwc:${op}`, [g.input('x', [n, channels, h, w])], attributes)
        g.output(out, [n, channels, oh, ow])
      },
      n * oh * ow * c * kernel[0] * kernel[1],
      [be.blocked(x)],
      [y],
    )
    return be.blockedOutput(y, dims)
  }

/** dx receives dy at the first position of each window that equals its maximum, in one pass over the windows. */
const maxPoolGrad = ({ inputs, attrs, backend: be }: Call<PoolAttributes>) => {
  const [dy, x, y] = [input(inputs, 'dy'), input(inputs, 'input'), input(inputs, 'output')]
  const plan = floats(dy, x, y) && planOf(x.shape, attrs)
  if (!plan) return undefined
  const { kernel, strides, pads } = plan.window
  const [n, h, w, c] = x.shape as unknown as Dims
  const [, oh, ow] = plan.info.outShape
  const [xs, ys, dys] = [be.blocked(x), be.blocked(y), be.blocked(dy)]
  const dx = be.layout.zero(be.layout.room([n, h, w, c]))
  be.loops.takeMaxima(
    n * be.layout.blocks(c),
    ...[h, w, oh, ow, ...kernel, ...strides, pads[0], pads[1]],
    ...[xs, ys, dys, dx].map((array) => array.byteOffset),
  )
  return be.blockedOutput(dx, [n, h, w, c])
}

/** dy over the size of the window, spread back as a depthwise convolution with ones. As in tfjs, padding counts. */
const avgPoolGrad = ({ inputs, attrs, backend: be }: Call<PoolAttributes>) => {
  const [dy, x] = [input(inputs, 'dy'), input(inputs, 'input')]
  const plan = floats(dy, x) && be.convolvesBlocks && planOf(x.shape, attrs)
  if (!plan) return undefined
  const dims = x.shape as unknown as Dims
  const size = plan.window.kernel[0] * plan.window.kernel[1]
  const shares = new Float32Array(size * dims[3]).fill(1 / size)
  const makeFilter = (taps: readonly number[]) => depthwiseFilter(be, shares, taps, dims[3])
  const dx = convolveBack(be, be.blocked(dy), dy.shape as unknown as Dims, dims, plan.window, makeFilter, true)
  return dx && be.blockedOutput(dx, dims)
}

export const pooling: KernelTable = {
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  MaxPoolGrad: maxPoolGrad,
  AvgPoolGrad: avgPoolGrad,
}
