/** The cell space of the ENAS and DARTS family: two cells of a few nodes, repeated to a network. */
import { defineSpace, type SearchSpace } from '../../core/space/index.ts'
import { cellCost } from './cost.ts'
import { buildCellNetwork } from './network.ts'
import { dartsPaper, enasPaper } from './papers.ts'
import { type CellSkeletonOptions, planCells, skeletonOptions } from './plan.ts'
import {
  type CellArchitectureOf,
  type CellOperationName,
  type CellOptions,
  cellDecisions,
  cellDefaults,
  cellSpaceName,
  type dartsOperations,
  distinctInputs,
} from './space.ts'
import { cellSupernet } from './supernet.ts'

/** A cell space; `options` describe the network around the cells, for supernets and drawings. */
export interface CellSpace<
  N extends number = number,
  O extends readonly CellOperationName[] = readonly CellOperationName[],
> extends SearchSpace<CellArchitectureOf<N, O>> {
  readonly options: CellSkeletonOptions & { readonly operations: O; readonly distinctInputs: boolean }
}

/**
 * Two cells, normal and reduction, of `nodes` nodes each; a node adds two earlier states, each through an operation.
 * Throws ARCHLOOM_SPACE_OPTION for options that no network can be built of.
 */
export function cellSpace<
  const N extends number = 4,
  const O extends readonly CellOperationName[] = typeof dartsOperations,
>(options: CellOptions<N, O> = {}): CellSpace<N, O> {
  // The type parameters default to the defaults.
  const { nodes, operations, distinctInputs: distinct } = { ...cellDefaults, ...options } as Required<CellOptions<N, O>>
  const skeleton = skeletonOptions(options)
  const space = defineSpace<CellArchitectureOf<N, O>>(cellSpaceName(options), cellDecisions(nodes, operations), {
    constraints: distinct ? distinctInputs(nodes) : [],
    papers: [enasPaper, dartsPaper],
    cost: (architecture, { input, classes }) => cellCost(architecture, planCells(skeleton, input, classes)),
    build: (architecture, { input, classes, rng }) =>
      buildCellNetwork(architecture, planCells(skeleton, input, classes), rng),
    supernet: ({ input, classes, rng }) => cellSupernet(planCells(skeleton, input, classes), { operations, rng }),
  })
  return Object.assign(space, { options: { ...skeleton, operations, distinctInputs: distinct } })
}

export { auxiliaryCost, type CellCost, type CellCostOptions, cellCost, countEdge, countPreprocessing } from './cost.ts'
export { cellDot } from './dot.ts'
export { formatDartsGenotype, parseDartsGenotype } from './genotype-text.ts'
export {
  buildCellNetwork,
  buildEdge,
  type CellBody,
  type CellNormalisation,
  type CellSkeletonParts,
  cellNetwork,
  fixedBody,
} from './network.ts'
export { dartsPaper, enasPaper } from './papers.ts'
export {
  type CellPlace,
  type CellPlan,
  type CellSkeletonOptions,
  countStem,
  planCells,
  skeletonOptions,
  stateShape,
  strideOf,
} from './plan.ts'
export * from './published.ts'
export {
  type CellArchitecture,
  type CellArchitectureOf,
  type CellEdge,
  type CellNode,
  type CellOperationName,
  type CellOptions,
  dartsOperations,
  enasOperations,
} from './space.ts'
export { cellSupernet, deriveCells, edgeCount, edgeIndex } from './supernet.ts'
