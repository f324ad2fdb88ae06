import * as tf from '@tensorflow/tfjs-core'
import { optionError } from '../../options/index.ts'
import { subsample } from '../resample.ts'

/** 'same' and 'valid' as in TensorFlow; a number pads every side by as many zeros, as in PyTorch. */
export type Padding = 'same' | 'valid' | number

/** A number stands for a square. */
export type KernelSize = number | readonly [height: number, width: number]

export interface SlidingOptions {
  readonly kernel: KernelSize
  /** Default 1. */
  readonly stride?: number
  /** Default 1. */
  readonly dilation?: number
  /** Default 'same'. */
  readonly padding?: Padding
}

export interface Sliding {
  readonly kernel: readonly [number, number]
  readonly stride: number
  readonly dilation: number
  readonly padding: Padding
}

export const positiveInteger = (layer: string, option: string, value: number): number => {
  if (!Number.isInteger(value) || value < 1) throw optionError(layer, option, value, 'a positive integer')
  return value
}

export function slidingOf(layer: string, options: SlidingOptions): Sliding {
  const { kernel, stride = 1, dilation = 1, padding = 'same' } = options
  const [height, width] = typeof kernel === 'number' ? [kernel, kernel] : kernel
  if (typeof padding === 'number' ? !Number.isInteger(padding) || padding < 0 : !['same', 'valid'].includes(padding))
    throw optionError(layer, 'padding', padding, "'same', 'valid' or a whole number of zeros")
  return {
    kernel: [positiveInteger(layer, 'kernel', height), positiveInteger(layer, 'kernel', width)],
    stride: positiveInteger(layer, 'stride', stride),
    dilation: positiveInteger(layer, 'dilation', dilation),
    padding,
  }
}

type Convolve = (x: tf.Tensor4D, stride: number, padding: Padding, dilation: number) => tf.Tensor4D

/**
 * tfjs refuses stride and dilation together. With input x̂ padded, output i reads x̂[i·s + k·d]: where d divides s that is
 * an undilated convolution of every d-th row and column; elsewhere every s-th output of the unstrided convolution.
 */
export function slide(convolve: Convolve, x: tf.Tensor4D, { kernel, stride, dilation, padding }: Sliding): tf.Tensor4D {
  if (stride === 1 || dilation === 1) return convolve(x, stride, padding, dilation)
  const { top, bottom, left, right } = tf.backend_util.computeConv2DInfo(
    x.shape,
    [kernel[0], kernel[1], x.shape[3], 1],
    stride,
    dilation,
    padding,
  ).padInfo
  const padded = tf.pad(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ])
  return stride % dilation === 0
    ? convolve(subsample(padded, dilation), stride / dilation, 'valid', 1)
    : subsample(convolve(padded, 1, 'valid', dilation), stride)
}
