import { optionNames } from '../options/index.ts'
import type { Random } from '../random.ts'

/** Inputs and outputs of one unit of a layer: what weight scaling divides by. */
export interface Fan {
  readonly in: number
  readonly out: number
}

/**
 * Initial values of a variable, row-major. They are computed here, not by the engine, so they are the same on every
 * engine. `fan` is that of a convolution or dense kernel unless the layer says otherwise.
 */
export type Initialiser = (shape: readonly number[], rng: Random, fan: Fan) => Float32Array

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

const filled = (shape: readonly number[], next: () => number) => {
  const values = new Float32Array(sizeOf(shape))
  for (let i = 0; i < values.length; i++) values[i] = next()
  return values
}

/** Fan of a kernel [..., inputs, outputs]: leading dimensions are the receptive field. */
export function fanOf(shape: readonly number[]): Fan {
  const inputs = shape.at(-2) ?? 1
  const outputs = shape.at(-1) ?? 1
  const field = sizeOf(shape.slice(0, -2))
  return { in: inputs * field, out: outputs * field }
}

export const constant =
  (value: number): Initialiser =>
  (shape) =>
    new Float32Array(sizeOf(shape)).fill(value)

export const zeros = constant(0)
export const ones = constant(1)

const uniformNames = optionNames<{ min: number; max: number }>('uniform', { min: true, max: true })

export const uniform = (options: { min: number; max: number }): Initialiser => {
  uniformNames(options)
  return (shape, rng) => filled(shape, () => options.min + (options.max - options.min) * rng.float())
}

const normalNames = optionNames<{ mean?: number; stdDev: number }>('normal', { mean: true, stdDev: true })

export const normal = (options: { mean?: number; stdDev: number }): Initialiser => {
  normalNames(options)
  return (shape, rng) => filled(shape, () => (options.mean ?? 0) + options.stdDev * rng.normal())
}

/** Standard normal, redrawn outside ±2. */
function truncatedStandard(rng: Random): number {
  for (;;) {
    const z = rng.normal()
    if (Math.abs(z) <= 2) return z
  }
}

const truncatedNormalNames = optionNames<{ mean?: number; stdDev: number }>('truncatedNormal', {
  mean: true,
  stdDev: true,
})

/** Normal cut at two standard deviations; `stdDev` is that of the uncut normal. */
export const truncatedNormal = (options: { mean?: number; stdDev: number }): Initialiser => {
  truncatedNormalNames(options)
  return (shape, rng) => filled(shape, () => (options.mean ?? 0) + options.stdDev * truncatedStandard(rng))
}

// Standard deviation of a unit normal cut at ±2.
const truncatedStdDev = 0.8796256610342398

export interface VarianceScalingOptions {
  /** Variance times fan. */
  readonly scale: number
  readonly mode: 'in' | 'out' | 'average'
  readonly distribution: 'normal' | 'truncated-normal' | 'uniform'
}

const varianceScalingNames = optionNames<VarianceScalingOptions>('varianceScaling', {
  scale: true,
  mode: true,
  distribution: true,
})

/** Weights of variance scale / fan. */
export const varianceScaling = (given: VarianceScalingOptions): Initialiser => {
  const { scale, mode, distribution } = varianceScalingNames(given)
  return (shape, rng, fan) => {
    const divisor = mode === 'in' ? fan.in : mode === 'out' ? fan.out : (fan.in + fan.out) / 2
    const stdDev = Math.sqrt(scale / Math.max(1, divisor))
    if (distribution === 'normal') return normal({ stdDev })(shape, rng, fan)
    if (distribution === 'truncated-normal')
      return truncatedNormal({ stdDev: stdDev / truncatedStdDev })(shape, rng, fan)
    const limit = Math.sqrt(3) * stdDev
    return uniform({ min: -limit, max: limit })(shape, rng, fan)
  }
}

/** He et al., 2015 (arXiv:1502.01852): for layers followed by ReLU. */
export const heNormal = (mode: 'in' | 'out' = 'in'): Initialiser =>
  varianceScaling({ scale: 2, mode, distribution: 'normal' })
export const heUniform = (mode: 'in' | 'out' = 'in'): Initialiser =>
  varianceScaling({ scale: 2, mode, distribution: 'uniform' })

/** Glorot and Bengio, 2010. */
export const glorotNormal = (): Initialiser => varianceScaling({ scale: 1, mode: 'average', distribution: 'normal' })
export const glorotUniform = (): Initialiser => varianceScaling({ scale: 1, mode: 'average', distribution: 'uniform' })

/** U(±1/√fan-in): the default of PyTorch's convolution and linear layers, and so of most published networks. */
export const fanInUniform = (): Initialiser => varianceScaling({ scale: 1 / 3, mode: 'in', distribution: 'uniform' })
