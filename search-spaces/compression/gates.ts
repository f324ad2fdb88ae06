import type { Ladder } from './ladder.ts'

/** Smaller residuals are rounding errors of a tensor whose values are on the grid. */
const NOISE = 1e-9

/** Gates of one tensor: g_j opens the step from width j − 1 to width j. */
export interface Gates {
  /** 1 (open) or 0. A gate has an effect only if all gates before it are open. */
  readonly open: readonly number[]
  /** The residual that each gate was compared with. */
  readonly residuals: readonly number[]
}

/**
 * g_j = 1 where A_j > α_j, strictly (eq. 13). A_j is the residual of the gated value, which does not change after a
 * closed gate.
 */
export function gatesOf(meanResiduals: readonly number[], thresholds: ArrayLike<number>): Gates {
  const open: number[] = []
  const residuals: number[] = []
  let level = 0
  meanResiduals.forEach((_, j) => {
    const residual = meanResiduals[level] as number
    const isOpen = residual > thresholds[j]! + NOISE
    residuals.push(residual)
    open.push(isOpen ? 1 : 0)
    if (isOpen && level === j) level++
  })
  return { open, residuals }
}

/** The index in the ladder of the width that the open gates select. */
export function levelOf(open: readonly number[]): number {
  const shut = open.indexOf(0)
  return shut === -1 ? open.length : shut
}

export const bitsOf = (open: readonly number[], ladder: Ladder): number => ladder[levelOf(open)] as number

/**
 * d/dg_j of v₀ + g₁((v₁ − v₀) + g₂((v₂ − v₁) + …)): 0 after a closed gate; otherwise the sum extends to the width that
 * the following gates select. With v_j = Σ dL/dẑ·z_j it is the gradient of the quantised value; with v_j = cost at
 * width j, that of the cost.
 */
export function gateGradients(open: readonly number[], values: readonly number[]): number[] {
  const level = levelOf(open)
  return open.map((_, j) => {
    if (j > level) return 0
    const shut = open.indexOf(0, j + 1)
    const top = shut === -1 ? open.length : shut
    return values[top]! - values[j]!
  })
}

/** σ(x)(1 − σ(x)): the slope that replaces that of the step function (eq. 15). */
export function logisticSlope(x: number): number {
  const y = 1 / (1 + Math.exp(-x))
  return y * (1 - y)
}
