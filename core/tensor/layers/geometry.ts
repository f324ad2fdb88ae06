import * as tf from '@tensorflow/tfjs-core'
import { optionError } from '../../options/index.ts'
import { error } from '../errors.ts'
import { subsample } from '../resample.ts'
import type { Layer } from '../scope.ts'

/** 'same' and 'valid' as in TensorFlow; a number pads every side with that many zeros, as in PyTorch. */
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
 * Combines stride and dilation, which tfjs refuses. With padded input x̂, output i reads x̂[i·s + k·d]. If d divides
 * s, this is an undilated convolution of every d-th row and column; otherwise it is every s-th output of the unstrided
 * convolution.
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

/**
 * A layer that refuses inputs whose last axis has another number of values than `channels`: a normalisation would
 * otherwise broadcast over them silently. Error: ARCHLOOM_LAYER_CHANNELS.
 */
export const takesChannels =
  (layer: string, channels: number, apply: Layer): Layer =>
  (x, mode) => {
    if (x.shape.at(-1) !== channels) throw error('ARCHLOOM_LAYER_CHANNELS', { layer, received: x.shape, channels })
    return apply(x, mode)
  }
