import type { Decision } from '../../core/index.ts'

/** The position of a decision in a space of cells whose nodes add two inputs, each through an operation. */
export interface CellDecision {
  /** Index among the space's decisions. */
  readonly index: number
  /** 'normal' or 'reduction'. */
  readonly cell: string
  /** Intermediate node, from 0. */
  readonly node: number
  readonly kind: 'input' | 'op'
  /** Position in the order in which the controller decides: for each node two inputs, then two operations. */
  readonly turn: number
}

const NAME = /^(\w+)\.(\d+)\.(left|right)\.(input|op)$/

/** The positions of all decisions; undefined if the space does not consist of such cells. */
export function cellDecisionsOf(decisions: readonly Decision[]): readonly CellDecision[] | undefined {
  const found: CellDecision[] = []
  for (const [index, { name, kind }] of decisions.entries()) {
    const [, cell, node, side, part] = NAME.exec(name) ?? []
    if (!cell || !node || kind !== 'choice') return undefined
    const within = (part === 'op' ? 2 : 0) + (side === 'right' ? 1 : 0)
    // The decisions of a node are adjacent in the space, so only their order within the node changes.
    const turn = index - (index % 4) + within
    found.push({ index, cell, node: Number(node), kind: part as CellDecision['kind'], turn })
  }
  return found.length > 0 ? found : undefined
}
