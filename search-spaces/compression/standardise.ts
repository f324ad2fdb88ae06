import { signedGrid, unsignedGrid } from './quantiser.ts'
import { error } from './super-bit-errors.ts'
import type { GridOf } from './super-quantiser.ts'

/** Which input channels and filters of a kernel [..., inputs, filters] remain. Default: all. */
export interface Survivors {
  readonly inputs?: ArrayLike<number> | undefined
  readonly filters?: ArrayLike<number> | undefined
}

export interface Moments {
  readonly mean: number
  /** Standard deviation (n − 1). */
  readonly deviation: number
}

/**
 * Mean and standard deviation of a kernel over the remaining channels; no gradient flows through them. Error:
 * ARCHLOOM_SUPER_BIT_NOT_FINITE.
 */
export function moments(layer: string, kernel: Float32Array, shape: readonly number[], alive: Survivors): Moments {
  const values = survivingOf(kernel, shape, alive)
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] as number
  const mean = sum / values.length
  if (!Number.isFinite(mean)) {
    const value = kernel.find((each) => !Number.isFinite(each)) ?? mean
    throw error('ARCHLOOM_SUPER_BIT_NOT_FINITE', { layer, tensor: 'weights', value })
  }
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2
  // The standard deviation of a single value, or of equal values, is 0; 1 avoids a division by 0.
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) || 1 }
}

function survivingOf(kernel: Float32Array, shape: readonly number[], { inputs, filters }: Survivors): Float32Array {
  const [rows, columns] = [shape.at(-2) as number, shape.at(-1) as number]
  const kept = (alive: ArrayLike<number> | undefined, count: number) =>
    Array.from({ length: count }, (_, i) => i).filter((i) => !alive || alive[i])
  const [keptRows, keptColumns] = [kept(inputs, rows), kept(filters, columns)]
  if (keptRows.length === rows && keptColumns.length === columns) return kernel
  const values = new Float32Array((kernel.length / (rows * columns)) * keptRows.length * keptColumns.length)
  let to = 0
  for (let from = 0; from < kernel.length; from += rows * columns)
    for (const row of keptRows)
      for (const column of keptColumns) values[to++] = kernel[from + row * columns + column] as number
  return values
}

/** How weights are scaled before quantisation. */
export interface WeightScaling {
  /** Whether to subtract the mean and divide by the standard deviation (weight standardisation). */
  readonly standardise: boolean
  /** 'unit': standardised weights are used as they are. 'kept': they are multiplied by the standard deviation again. */
  readonly scale: 'unit' | 'kept'
}

/** The grid of a kernel. */
export const weightGrid =
  (layer: string, shape: readonly number[], scaling: WeightScaling, alive: Survivors = {}): GridOf =>
  (clip, values) => {
    const { mean, deviation } = moments(layer, values(), shape, alive)
    if (!scaling.standardise) return signedGrid(clip)
    return signedGrid(clip, mean, deviation, scaling.scale === 'kept' ? deviation : 1)
  }

/** The grid of a layer's input. */
export const activationGrid =
  (signed: boolean): GridOf =>
  (clip) =>
    signed ? signedGrid(clip) : unsignedGrid(clip)
