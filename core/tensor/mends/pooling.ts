import * as tf from '@tensorflow/tfjs-core'
import type { Conv2DInfo } from '../fill-ins/sliding-window.ts'
import { type Call, hasNonFinite, inputOf, replaceKernel, tensorOf, valuesOf } from './kernel.ts'
import { avgPoolGradient, maxPool } from './pooling-loops.ts'

export interface PoolAttributes {
  readonly filterSize: number | [number, number]
  readonly strides: number | [number, number]
  readonly pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

export const poolInfo = (x: tf.TensorInfo, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): Conv2DInfo =>
  tf.backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  )

const attributesOf = (call: Call): PoolAttributes => call.attrs as unknown as PoolAttributes

/** Max pooling in which a NaN wins. */
export const poolMaxima = (call: Call): tf.TensorInfo => {
  const info = poolInfo(inputOf(call, 'x'), attributesOf(call))
  return tensorOf(call, maxPool(valuesOf(call, inputOf(call, 'x')), info), info.outShape)
}

/** The gradient of average pooling for every rounding of output sizes; that of tfjs supports one only. */
export const spreadAverages = (call: Call): tf.TensorInfo => {
  const x = inputOf(call, 'input')
  const dx = avgPoolGradient(valuesOf(call, inputOf(call, 'dy')), poolInfo(x, attributesOf(call)))
  return tensorOf(call, dx, x.shape)
}

export const mendedOnCpu = ['AvgPoolGrad', 'MaxPool'] as const

let mended = false

/**
 * Replaces two cpu kernels of tfjs: its max pooling skips NaN, and its gradient of average pooling assumes output
 * sizes that are rounded down.
 */
export function mendCpu(): void {
  if (mended) return
  mended = true
  replaceKernel('cpu', 'MaxPool', (own) => (call) => {
    const x = inputOf(call, 'x')
    return x.dtype === 'float32' && hasNonFinite(valuesOf(call, x)) ? poolMaxima(call) : own(call)
  })
  replaceKernel('cpu', 'AvgPoolGrad', () => spreadAverages)
}
