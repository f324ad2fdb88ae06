import {
  allDifferent,
  type Constraint,
  type Infer,
  oneOf,
  product,
  repeat,
  type SpaceNode,
} from '../../core/space/index.ts'
import { nameWithOptions } from '../../core/space/naming.ts'

/** The eight operations of Liu et al., DARTS (arXiv:1806.09055), in its order. */
export const dartsOperations = [
  'none',
  'max_pool_3x3',
  'avg_pool_3x3',
  'skip_connect',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'dil_conv_3x3',
  'dil_conv_5x5',
] as const

/** The five operations of Pham et al., ENAS (arXiv:1802.03268). */
export const enasOperations = ['sep_conv_3x3', 'sep_conv_5x5', 'avg_pool_3x3', 'max_pool_3x3', 'skip_connect'] as const

export type CellOperationName = (typeof dartsOperations)[number] | 'sep_conv_7x7' | 'nor_conv_1x1' | 'nor_conv_3x3'

/** Everything that makes two cell spaces different. */
export interface CellOptions<
  N extends number = number,
  O extends readonly CellOperationName[] = readonly CellOperationName[],
> {
  /** Intermediate nodes of a cell; each adds two earlier states. Default 4. */
  readonly nodes?: N
  /** What an input of a node may go through. Default the eight of DARTS. */
  readonly operations?: O
  /** The two inputs of a node come from different states (DARTS); else they may coincide (ENAS). Default false. */
  readonly distinctInputs?: boolean
  /** Channels of the first cells; every reduction doubles them. Default 16. */
  readonly channels?: number
  /** Cells in a row. Default 8. */
  readonly cells?: number
  /** Positions of the reduction cells. Default ⌊cells / 3⌋ and ⌊2·cells / 3⌋. */
  readonly reductions?: readonly number[]
  /** 'cifar': one 3×3 convolution; 'imagenet': three of stride 2. Default 'cifar'. */
  readonly stem?: 'cifar' | 'imagenet'
  /** The cifar stem has this times `channels` filters. Default 3. */
  readonly stemMultiplier?: number
  /** Weight of the loss of an auxiliary classifier after the second reduction, while training; 0: none. Default 0. */
  readonly auxiliary?: number
}

export const cellDefaults = {
  nodes: 4,
  operations: dartsOperations,
  distinctInputs: false,
  channels: 16,
  cells: 8,
  stem: 'cifar',
  stemMultiplier: 3,
  auxiliary: 0,
} as const satisfies CellOptions

/** One input of a node: states 0 and 1 are the outputs of the two cells before, state i + 2 is node i. */
export interface CellEdge<Op extends string = CellOperationName> {
  readonly input: number
  readonly op: Op
}

/** The sum of two earlier states, each through an operation. */
export interface CellNode<Op extends string = CellOperationName> {
  readonly left: CellEdge<Op>
  readonly right: CellEdge<Op>
}

/**
 * The common type of all architectures of cell spaces. A space with a literal number of nodes has tuples in place of
 * arrays.
 */
export interface CellArchitecture<Op extends string = CellOperationName> {
  readonly normal: readonly CellNode<Op>[]
  readonly reduction: readonly CellNode<Op>[]
}

/** Decisions of a cell space: for each node of both cells left.input, left.op, right.input, right.op. */
export function cellDecisions<const N extends number, const O extends readonly CellOperationName[]>(
  nodes: N,
  operations: O,
) {
  const edge = (node: number): SpaceNode<CellEdge<O[number]>> =>
    product({
      input: oneOf(...Array.from({ length: node + 2 }, (_, state) => state)),
      op: oneOf(...operations),
    })
  const cell = () => repeat<N, CellNode<O[number]>>(nodes, (node) => product({ left: edge(node), right: edge(node) }))
  return product({ normal: cell(), reduction: cell() })
}

/** The architecture type of a cell space with N nodes and these operations. */
export type CellArchitectureOf<N extends number, O extends readonly CellOperationName[]> = Infer<
  ReturnType<typeof cellDecisions<N, O>>
>

/** Requires that the two inputs of a node are different states. */
export const differentInputs = (nodes: number): readonly Constraint[] =>
  ['normal', 'reduction'].flatMap((cell) =>
    Array.from({ length: nodes }, (_, node) =>
      allDifferent(`${cell}.${node}.left.input`, `${cell}.${node}.right.input`),
    ),
  )

/** 'cell', followed by the options that differ from the defaults. */
export const cellSpaceName = (options: CellOptions): string =>
  nameWithOptions<CellOptions>('cell', options, cellDefaults)
