import { optionError } from '../../../core/options/index.ts'
import type { Random } from '../../../core/random.ts'
import { dimensionOf, equallyMany, type Points } from './points.ts'

/** Mean (aᵢ − bᵢ)² of the sorted values: W₂² on a line. */
function sortedDistance(a: Float64Array, b: Float64Array): number {
  a.sort()
  b.sort()
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return sum / a.length
}

/**
 * Sliced W₂² (Rabin et al., 2012): the mean of W₂² over random lines through the origin. A shift by t gives ‖t‖² / d.
 * Errors: ARCHLOOM_TRANSPORT_POINTS, ARCHLOOM_OPTION.
 */
export function slicedTransport(a: Points, b: Points, options: { rng: Random; lines?: number }): number {
  const { rng, lines = 100 } = options
  if (!Number.isInteger(lines) || lines < 1)
    throw optionError('slicedTransport', 'lines', lines, 'a whole number of at least 1')
  const dimension = dimensionOf('slicedTransport()', [a, b])
  const n = equallyMany('slicedTransport()', a, b)
  const [onA, onB] = [new Float64Array(n), new Float64Array(n)]
  const project = (cloud: Points, line: readonly number[], out: Float64Array) => {
    for (const [i, point] of cloud.entries())
      out[i] = line.reduce((sum, component, k) => sum + component * point[k]!, 0)
  }
  let total = 0
  for (let s = 0; s < lines; s++) {
    const direction = Array.from({ length: dimension }, () => rng.normal())
    const length = Math.hypot(...direction)
    const line = direction.map((component) => component / length)
    project(a, line, onA)
    project(b, line, onB)
    total += sortedDistance(onA, onB)
  }
  return total / lines
}
