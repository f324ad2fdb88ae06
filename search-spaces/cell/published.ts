import type { CellArchitectureOf, dartsOperations } from './space.ts'

type Published = CellArchitectureOf<4, typeof dartsOperations>
type Edge = readonly [op: (typeof dartsOperations)[number], input: number]

const node = ([leftOp, leftInput]: Edge, [rightOp, rightInput]: Edge) => ({
  left: { input: leftInput, op: leftOp },
  right: { input: rightInput, op: rightOp },
})
const cell = (a: Edge, b: Edge, c: Edge, d: Edge, e: Edge, f: Edge, g: Edge, h: Edge) =>
  [node(a, b), node(c, d), node(e, f), node(g, h)] as const

/** Liu et al., DARTS: Differentiable Architecture Search (arXiv:1806.09055): found by the first-order search. */
export const DARTS_V1: Published = {
  normal: cell(
    ['sep_conv_3x3', 1],
    ['sep_conv_3x3', 0],
    ['skip_connect', 0],
    ['sep_conv_3x3', 1],
    ['skip_connect', 0],
    ['sep_conv_3x3', 1],
    ['sep_conv_3x3', 0],
    ['skip_connect', 2],
  ),
  reduction: cell(
    ['max_pool_3x3', 0],
    ['max_pool_3x3', 1],
    ['skip_connect', 2],
    ['max_pool_3x3', 0],
    ['max_pool_3x3', 0],
    ['skip_connect', 2],
    ['skip_connect', 2],
    ['avg_pool_3x3', 0],
  ),
}

/** The same paper's second-order search, figures 4 and 5. */
export const DARTS_V2: Published = {
  normal: cell(
    ['sep_conv_3x3', 0],
    ['sep_conv_3x3', 1],
    ['sep_conv_3x3', 0],
    ['sep_conv_3x3', 1],
    ['sep_conv_3x3', 1],
    ['skip_connect', 0],
    ['skip_connect', 0],
    ['dil_conv_3x3', 2],
  ),
  reduction: cell(
    ['max_pool_3x3', 0],
    ['max_pool_3x3', 1],
    ['skip_connect', 2],
    ['max_pool_3x3', 1],
    ['max_pool_3x3', 0],
    ['skip_connect', 2],
    ['skip_connect', 2],
    ['max_pool_3x3', 1],
  ),
}

/** Guo et al., Breaking the Curse of Space Explosion (arXiv:2007.07197): found by curriculum search. */
export const CNAS: Published = {
  normal: cell(
    ['dil_conv_3x3', 1],
    ['sep_conv_3x3', 0],
    ['sep_conv_3x3', 0],
    ['skip_connect', 1],
    ['sep_conv_3x3', 1],
    ['max_pool_3x3', 3],
    ['sep_conv_3x3', 2],
    ['sep_conv_3x3', 4],
  ),
  reduction: cell(
    ['sep_conv_3x3', 0],
    ['skip_connect', 1],
    ['dil_conv_5x5', 2],
    ['skip_connect', 1],
    ['dil_conv_3x3', 2],
    ['sep_conv_3x3', 1],
    ['sep_conv_5x5', 0],
    ['sep_conv_3x3', 3],
  ),
}
