import { checkRows } from './rows.ts'

export interface PrecisionRecall {
  /** Share of generated examples inside the real manifold: fidelity. */
  readonly precision: number
  /** Share of real examples inside the generated manifold: diversity. */
  readonly recall: number
}

/**
 * Improved precision and recall (Kynkäänniemi et al. 2019): a manifold is the union of balls around its examples, each
 * with the distance to the k-th nearest other example as its radius. The time is proportional to the product of the
 * numbers of examples. @param real,made Features of real and generated examples, flat [count, dimension]. Error:
 * ARCHLOOM_GENERATIVE_METRIC.
 */
export function precisionRecall(
  real: Float32Array,
  made: Float32Array,
  dimension: number,
  { neighbours = 3 }: { neighbours?: number } = {},
): PrecisionRecall {
  for (const values of [real, made]) checkRows('precisionRecall', values, dimension, neighbours + 1)
  return {
    precision: shareInside(made, real, dimension, neighbours),
    recall: shareInside(real, made, dimension, neighbours),
  }
}

function squaredDistance(a: Float32Array, i: number, b: Float32Array, j: number, dimension: number): number {
  let sum = 0
  for (let k = 0; k < dimension; k++) sum += (a[i * dimension + k]! - b[j * dimension + k]!) ** 2
  return sum
}

function shareInside(points: Float32Array, manifold: Float32Array, dimension: number, neighbours: number): number {
  const [count, size] = [points.length / dimension, manifold.length / dimension]
  const radii = Float64Array.from({ length: size }, (_, i) => {
    // The k + 1 smallest distances, sorted; the first is the distance 0 to itself.
    const least = new Array<number>(neighbours + 1).fill(Number.POSITIVE_INFINITY)
    for (let j = 0; j < size; j++) {
      const distance = squaredDistance(manifold, i, manifold, j, dimension)
      if (distance >= least[neighbours]!) continue
      least[neighbours] = distance
      least.sort((a, b) => a - b)
    }
    return least[neighbours] as number
  })
  let inside = 0
  for (let i = 0; i < count; i++)
    for (let j = 0; j < size; j++)
      if (squaredDistance(points, i, manifold, j, dimension) <= radii[j]!) {
        inside++
        break
      }
  return inside / count
}
