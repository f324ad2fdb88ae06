/** The cell space of the ENAS and DARTS family: two cells of a few nodes that are repeated to form a network. */
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { type NormalisationOption, nameableOptions, normalisationParts } from '../operations/normalisation.ts'
import { type CellCost, cellCost } from './cost.ts'
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
  differentInputs,
} from './space.ts'
import { cellSupernet } from './supernet.ts'

export interface CellSpaceOptions<O extends readonly CellOperationName[]> extends CellSkeletonOptions {
  readonly operations: O
  readonly distinctInputs: boolean
}

/** A cell space with N nodes and the operations O. Its costs also give the shares of convolutions and classifier. */
export type CellSpace<
  N extends number = number,
  O extends readonly CellOperationName[] = readonly CellOperationName[],
> = NetworkSpace<CellArchitectureOf<N, O>, CellSpaceOptions<O>, CellCost>

/**
 * Two cells, normal and reduction, of `nodes` nodes each; a node adds two earlier states, each through an operation,
 * and the output of a cell is the concatenation of its nodes. Error: ARCHLOOM_OPTION for options with which no network
 * can be built.
 */
export function cellSpace<
  const N extends number = 4,
  const O extends readonly CellOperationName[] = typeof dartsOperations,
>(given: CellOptions<N, O> & NormalisationOption = {}): CellSpace<N, O> {
  const skeleton = skeletonOptions(given)
  const normalisation = normalisationParts(given)
  // The defaults of the type parameters are those of the options.
  const { nodes, operations, distinctInputs } = { ...cellDefaults, ...given } as Required<CellOptions<N, O>>
  const options = { ...skeleton, operations, distinctInputs }
  return defineNetworkSpace(cellSpaceName(nameableOptions(given)), cellDecisions(nodes, operations), {
    options,
    origin: { factory: 'cellSpace', room: 'cell', given },
    constraints: distinctInputs ? differentInputs(nodes) : [],
    papers: [enasPaper, dartsPaper],
    cost: (architecture: CellArchitectureOf<N, O>, { input, classes }) =>
      cellCost(architecture, planCells(options, input, classes)),
    build: (architecture: CellArchitectureOf<N, O>, { input, classes, rng }) =>
      buildCellNetwork(architecture, planCells(options, input, classes), rng, normalisation),
    supernet: ({ input, classes, rng }) =>
      cellSupernet(planCells(options, input, classes), { operations, rng, ...normalisation }),
  })
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
