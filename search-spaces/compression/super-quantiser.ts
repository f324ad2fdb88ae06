/**
 * Quantisers and gates as differentiable operations, each an explicit forward and backward pass over plain arrays.
 * They need an engine that can be read synchronously (all but GPUs).
 */

import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import { scaleShift } from '../../core/tensor/index.ts'
import { bitsOf, type Gates, gateGradients, gatesOf, logisticSlope } from './gates.ts'
import type { Ladder } from './ladder.ts'
import { type Grid, gradientInto, observe, quantiseInto } from './quantiser.ts'
import { loopArrays, valuesOf } from './tensor-values.ts'

/** Makes the grid for a clip value |v| and, for weights, the values themselves in their order. */
export type GridOf = (clip: number, values: () => Float32Array) => Grid

export interface SuperQuantised {
  /** Q(x), of x's shape. */
  readonly value: tf.Tensor
  readonly gates: Gates
  /** Mean residual at every width except the last, independent of the gates. */
  readonly means: readonly number[]
  /** The gates as a tensor [K − 1] through which costs reach the thresholds; only while these learn. */
  readonly open?: tf.Tensor1D
}

/** tfjs types the saver as a tensor. */
const keep = (save: unknown, tensors: tf.Tensor[]) => (save as (tensors: tf.Tensor[]) => void)(tensors)
const numberOf = (variable: tf.Tensor) => valuesOf(variable)[0] as number

/** x quantised at one width, with the gradient of the straight-through estimator in x and the clip value [1]. */
export function quantiseFixed(x: tf.Tensor, clip: tf.Variable, gridOf: GridOf, bits: number): tf.Tensor {
  const { grid, sign } = gridAt(clip, gridOf, x)
  const { arrays, result } = loopArrays([x])
  quantiseInto(arrays, grid, bits)
  return throughQuantiser(result(), x, clip, { grid, sign, bits })
}

const gridAt = (clip: tf.Variable, gridOf: GridOf, x: tf.Tensor) => {
  const v = numberOf(clip)
  return { grid: gridOf(Math.abs(v), () => valuesOf(x)), sign: v < 0 ? -1 : 1 }
}

export interface SuperQuantiserOptions {
  readonly gridOf: GridOf
  readonly ladder: Ladder
  /** Whether the thresholds are trained in this step. */
  readonly learn: boolean
  /** The width that will probably be chosen; a right guess saves time. Default: the most bits. */
  readonly likely?: number | undefined
}

const superQuantiseNames = optionNames<SuperQuantiserOptions>('superQuantise', {
  gridOf: true,
  ladder: true,
  learn: true,
  likely: true,
})

/**
 * x quantised at the width that the gates choose: open where the mean residual exceeds the threshold (eq. 13–14).
 * Rounding passes gradients on, so that the slope of the value is 1 whatever the gates are. Gates receive Σ
 * dL/dẑ·(offsets after them) and pass it to the thresholds [K − 1] with the slope of the logistic function (eq. 15).
 */
export function superQuantise(
  x: tf.Tensor,
  clip: tf.Variable,
  thresholds: tf.Variable,
  options: SuperQuantiserOptions,
): SuperQuantised {
  superQuantiseNames(options)
  const { gridOf, ladder, learn, likely = ladder.at(-1) as number } = options
  // Copied, because the engine may reuse its memory.
  const limits = valuesOf(thresholds).slice()
  const { grid, sign } = gridAt(clip, gridOf, x)
  const { arrays, result } = loopArrays([x])
  const choose = (residuals: readonly number[]) => bitsOf(gatesOf(residuals, limits).open, ladder)
  const { means, bits } = observe(arrays, grid, ladder, likely, choose)
  const y = result()
  const gates = gatesOf(means, limits)
  if (!learn || ladder.length === 1) return { value: throughQuantiser(y, x, clip, { grid, sign, bits }), gates, means }
  const open = thresholdGates(thresholds, gates)
  return { value: throughQuantiser(y, x, clip, { grid, sign, bits, ladder, gates, open }), gates, means, open }
}

interface Quantiser {
  readonly grid: Grid
  readonly sign: number
  readonly bits: number
  readonly ladder?: Ladder
  readonly gates?: Gates
  readonly open?: tf.Tensor1D
}

function throughQuantiser(y: tf.Tensor, x: tf.Tensor, clip: tf.Variable, quantiser: Quantiser): tf.Tensor {
  const { grid, sign, bits, ladder, gates, open } = quantiser
  const operation = tf.customGrad((...inputs) => {
    keep(inputs.at(-1), [inputs[0] as tf.Tensor])
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
        const { arrays, result } = loopArrays([dy, saved as tf.Tensor])
        const gradient = gradientInto(arrays, grid, bits, open ? ladder : [])
        const dx = result()
        const dclip = tf.tensor1d([sign * gradient.clip])
        return gates && open ? [dx, dclip, tf.tensor1d(gateGradients(gates.open, gradient.products))] : [dx, dclip]
      },
    }
  })
  return open ? operation(x, clip, open) : operation(x, clip)
}

/** Computes step(A − α) with the slope −σ′(A − α) in α. */
function thresholdGates(thresholds: tf.Variable, { open, residuals }: Gates): tf.Tensor1D {
  const limits = valuesOf(thresholds)
  const slopes = residuals.map((residual, j) => -logisticSlope(residual - limits[j]!))
  return tf.customGrad(() => ({
    value: tf.tensor1d([...open]),
    gradFunc: (dy: tf.Tensor) => tf.mul(dy, tf.tensor1d(slopes)),
  }))(thresholds) as tf.Tensor1D
}

/** m_c = mean |w| of each group of filters divided by the largest |w| of all (eq. 14); filters are the last axis. */
export function groupScores(kernel: Float32Array, filters: number, groupSize: number): Float64Array {
  const scores = new Float64Array(filters / groupSize)
  let most = 0
  for (let row = 0; row < kernel.length; row += filters)
    for (let f = 0; f < filters; f++) {
      const size = Math.abs(kernel[row + f]!)
      const group = Math.floor(f / groupSize)
      scores[group] = scores[group]! + size
      if (size > most) most = size
    }
  const count = (kernel.length / filters) * groupSize
  // Scores are rounded to float32 like thresholds, so that they can be equal.
  return scores.map((sum) => Math.fround(sum / count / most))
}

export interface FilterGates {
  /** 1 or 0 for every filter, [filters]. */
  readonly mask: tf.Tensor1D
  /** 1 or 0 for every group. */
  readonly open: readonly number[]
  readonly scores: Float64Array
}

/**
 * Gates of groups of filters: open where the score exceeds the threshold [1], strictly. The gradient of the score
 * flows to the weights [..., filters], including the largest one.
 */
export function filterGates(kernel: tf.Variable, threshold: tf.Variable, groupSize: number): FilterGates {
  const filters = kernel.shape.at(-1) as number
  const limit = numberOf(threshold)
  const scores = groupScores(valuesOf(kernel), filters, groupSize)
  const open = [...scores].map((score) => (score > limit ? 1 : 0))
  const mask = Float32Array.from({ length: filters }, (_, f) => open[Math.floor(f / groupSize)] as number)
  const operation = tf.customGrad((...inputs) => {
    keep(inputs.at(-1), [inputs[0] as tf.Tensor])
    return {
      value: tf.tensor1d(mask),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
        const ofFilters = valuesOf(dy)
        const ofScores = scores.map((score, c) => {
          let sum = 0
          for (let f = c * groupSize; f < (c + 1) * groupSize; f++) sum += ofFilters[f] as number
          return sum * logisticSlope(score - limit)
        })
        const dw = scoreGradient(valuesOf(saved as tf.Tensor), filters, groupSize, scores, ofScores)
        const dthreshold = -ofScores.reduce((sum, each) => sum + each, 0)
        return [tf.tensor(dw, kernel.shape), tf.tensor1d([dthreshold])]
      },
    }
  })
  return { mask: operation(kernel, threshold) as tf.Tensor1D, open, scores }
}

function scoreGradient(
  kernel: Float32Array,
  filters: number,
  groupSize: number,
  scores: Float64Array,
  ofScores: Float64Array,
): Float32Array {
  const gradient = new Float32Array(kernel.length)
  let [largest, most] = [0, 0]
  for (let i = 0; i < kernel.length; i++) {
    const size = Math.abs(kernel[i]!)
    if (size > most) [largest, most] = [i, size]
  }
  const count = (kernel.length / filters) * groupSize
  const slopes = Float64Array.from({ length: filters }, (_, f) => ofScores[Math.floor(f / groupSize)]! / (count * most))
  for (let row = 0; row < kernel.length; row += filters)
    for (let f = 0; f < filters; f++) {
      const [weight, slope] = [kernel[row + f] as number, slopes[f] as number]
      gradient[row + f] = weight > 0 ? slope : weight < 0 ? -slope : 0
    }
  const through = scores.reduce((sum, score, c) => sum + score * ofScores[c]!, 0)
  gradient[largest] = gradient[largest]! - (through / most) * Math.sign(kernel[largest]!)
  return gradient
}

/**
 * Multiplies x [..., C] by a mask [C]. If all channels are open, x is returned unchanged and only the gradient is
 * computed.
 */
export function maskChannels(x: tf.Tensor, mask: tf.Tensor1D, open: boolean): tf.Tensor {
  if (!open) return scaleShift(x, mask, tf.zeros(mask.shape), false)
  const axes = x.shape.slice(0, -1).map((_, axis) => axis)
  const operation = tf.customGrad((...inputs) => {
    keep(inputs.at(-1), [inputs[0] as tf.Tensor])
    return {
      value: tf.clone(inputs[0] as tf.Tensor),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => [dy, tf.sum(tf.mul(dy, saved as tf.Tensor), axes)],
    }
  })
  return operation(x, mask)
}
