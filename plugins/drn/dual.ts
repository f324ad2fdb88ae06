import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../core/index.ts'
import { optionError } from '../../core/options/index.ts'
import { conv2d, fanInUniform, type Layer, sequential, variableScope } from '../../core/tensor/index.ts'
import { bicubicMatrix } from '../../evaluators/data/images/bicubic.ts'
import { interpolation } from '../../search-spaces/super-resolution/index.ts'
import { LEAK } from './network.ts'

/** The networks from large to small images: D_1 … D_K, where D_k maps level k to level k − 1. Values are 0 to 255. */
export interface DualNetworks extends Disposable {
  readonly scale: number
  /** Factor of each step; they multiply to the scale. */
  readonly factors: readonly number[]
  readonly layers: readonly Layer[]
  /** Trained variables; empty if the networks are fixed. */
  readonly trainable: readonly tf.Variable[]
}

/** The factors of the steps: doublings if the scale is a power of two, else one step. Error: ARCHLOOM_OPTION. */
export function factorsOf(scale: number): readonly number[] {
  if (!Number.isInteger(scale) || scale < 2 || scale > 16)
    throw optionError('drn', 'scale', scale, 'a whole number from 2 to 16')
  const levels = Math.log2(scale)
  return Number.isInteger(levels) ? new Array<number>(levels).fill(2) : [scale]
}

/**
 * Learnt duals, 162 parameters each: 3×3 of stride 2 (or the factor), leaky ReLU, 3×3; no bias, so D(αx) = αD(x) for α
 * ≥ 0. They rely on non-negative values: pass images with values 0 … 255, not mean-free ones.
 */
export function dualNetworks({ scale, rng }: { readonly scale: number; readonly rng: Random }): DualNetworks {
  const factors = factorsOf(scale)
  const scope = variableScope({ rng })
  const form = { inputChannels: 3, filters: 3, kernel: 3, initialiser: fanInUniform() } as const
  const layers = factors.map((stride, k) => {
    const own = scope.child(`dual_${k + 1}`)
    return sequential(
      conv2d(own.child('first'), { ...form, stride, padding: 1 }),
      (x) => tf.leakyRelu(x, LEAK),
      conv2d(own.child('second'), form),
    )
  })
  return { scale, factors, layers, trainable: scope.trainable, [Symbol.dispose]: () => scope.dispose() }
}

/** The true degradation as fixed duals: MATLAB's bicubic, without rounding. */
export function bicubicDuals(scale: number): DualNetworks {
  const factors = factorsOf(scale)
  const layers = factors.map((factor) =>
    interpolation((inputs) => {
      const outputs = inputs / factor
      return { outputs, matrix: bicubicMatrix(inputs, outputs, 1 / factor, 'symmetric') }
    }),
  )
  return { scale, factors, layers, trainable: [], [Symbol.dispose]() {} }
}

/**
 * A known degradation as a way back in one step that is not learnt, unrounded: one pixel of each block of scale × scale,
 * as `downscaleNearest` takes it, or with `sigma` the mean under a Gaussian about the block's centre, as
 * `downscaleBlurred` does for an even scale (2·⌈3σ⌉ + 2 pixels; edges are repeated). Error: ARCHLOOM_OPTION.
 */
export function degradationDual(scale: number, { sigma }: { readonly sigma?: number } = {}): DualNetworks {
  factorsOf(scale)
  const size = sigma === undefined ? 1 : 2 * Math.ceil(3 * sigma) + (scale % 2 === 0 ? 2 : 1)
  const taps = Array.from({ length: size }, (_, i) =>
    sigma === undefined ? 1 : Math.exp(-0.5 * ((i - (size - 1) / 2) / sigma) ** 2),
  )
  const sum = taps.reduce((a, b) => a + b, 0)
  const layer = interpolation((inputs) => {
    const outputs = inputs / scale
    const matrix = new Float32Array(outputs * inputs)
    for (let row = 0; row < outputs; row++)
      for (const [i, weight] of taps.entries()) {
        const at = row * scale + Math.floor(scale / 2) + i - Math.floor(size / 2)
        matrix[row * inputs + Math.min(inputs - 1, Math.max(0, at))]! += weight / sum
      }
    return { outputs, matrix }
  })
  return { scale, factors: [scale], layers: [layer], trainable: [], [Symbol.dispose]() {} }
}
