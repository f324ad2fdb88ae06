import { seeded } from '../../../core/index.ts'
import { approximated, type Smooth } from '../approximation.ts'

/** A curve in R³ over one latent coordinate. */
export const curve: Smooth = {
  value: ([h = 0]) => Float64Array.of(Math.sin(2 * h), Math.cos(3 * h), h ** 3),
  along: ([h = 0], [d = 0]) => Float64Array.of(2 * Math.cos(2 * h) * d, -3 * Math.sin(3 * h) * d, 3 * h * h * d),
}

/** A quadratic map, on which order 2 makes no error. */
export const parabola: Smooth = {
  value: ([h = 0]) => Float64Array.of(h * h, 3 * h - 2 * h * h, 1),
  along: ([h = 0], [d = 0]) => Float64Array.of(2 * h * d, (3 - 4 * h) * d, 0),
}

/** Root of the mean squared error at random points of [0, 2], from the two bases on either side with their linear code. */
export function approximationError(f: Smooth, spacing: number, order: 1 | 2, points = 4000, seed = 1): number {
  const rng = seeded(seed)
  let sum = 0
  for (let i = 0; i < points; i++) {
    const h = 2 * rng.float()
    const left = Math.floor(h / spacing) * spacing
    const share = (h - left) / spacing
    const bases = [Float64Array.of(left), Float64Array.of(left + spacing)]
    const found = approximated(f, Float64Array.of(h), [1 - share, share], bases, order)
    sum += f.value(Float64Array.of(h)).reduce((total, value, k) => total + (value - found[k]!) ** 2, 0)
  }
  return Math.sqrt(sum / points)
}

export const spacings = [0.25, 0.125, 0.0625, 0.03125, 0.015625] as const
