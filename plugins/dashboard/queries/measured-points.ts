import type { Trial } from '../../../core/index.ts'
import type { PointKind } from '../protocol.ts'

/** Trials by two numbers, as columns: studies may have very many. */
export interface MeasuredPoints {
  readonly trial: Int32Array
  readonly xs: Float64Array
  readonly ys: Float64Array
  readonly kind: Uint8Array
}

const kindOf = ({ status, feasible }: Trial): PointKind => {
  if (status !== 'completed') return 2
  return feasible === false ? 1 : 0
}

/** The trials for which both numbers are finite. */
export function measuredPoints(
  trials: readonly Trial[],
  x: (trial: Trial) => number | undefined,
  y: (trial: Trial) => number | undefined,
): MeasuredPoints {
  const size = trials.length
  const [trial, xs, ys, kind] = [
    new Int32Array(size),
    new Float64Array(size),
    new Float64Array(size),
    new Uint8Array(size),
  ]
  let length = 0
  for (const each of trials) {
    const [a, b] = [x(each), y(each)]
    if (a === undefined || b === undefined || !Number.isFinite(a) || !Number.isFinite(b)) continue
    trial[length] = each.trial
    xs[length] = a
    ys[length] = b
    kind[length] = kindOf(each)
    length++
  }
  return {
    trial: trial.subarray(0, length),
    xs: xs.subarray(0, length),
    ys: ys.subarray(0, length),
    kind: kind.subarray(0, length),
  }
}

const kinds: readonly PointKind[] = [0, 1, 2]

/** Those of some indices, as they are sent. */
export const sentPoints = ({ trial, xs, ys, kind }: MeasuredPoints, indices: readonly number[]) => ({
  trial: indices.map((i) => trial[i]!),
  xs: indices.map((i) => xs[i]!),
  ys: indices.map((i) => ys[i]!),
  kind: indices.map((i) => kinds[kind[i]!]!),
})
