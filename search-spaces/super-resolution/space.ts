import { among, flag, options, whole } from '../../core/options/index.ts'
import { oneOf, product, repeat, type SpaceNode } from '../../core/space/index.ts'
import { nameWithOptions } from '../../core/space/naming.ts'

/** What an edge of the normal cell may compute, in the order of the released code of Guo et al. (arXiv:2003.04619). */
export const normalOperations = [
  'rcab',
  'skip_connect',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'dil_conv_3x3',
  'dil_conv_5x5',
] as const

/** How an edge of the upsampling cell enlarges; 'area' and 'nearest' are the same function for whole factors. */
export const upsamplingOperations = ['sub_pixel', 'deconvolution', 'bilinear', 'nearest', 'area'] as const

export type NormalOperationName = (typeof normalOperations)[number] | 'up_and_down_projection'
export type UpsamplingOperationName = (typeof upsamplingOperations)[number]

export interface SuperResolutionOptions {
  /** Enlargement: 2, 3 or 4. Default 2. */
  readonly scale?: 2 | 3 | 4
  /** Cells in a row; one of them is the upsampling cell. Default 12. */
  readonly cells?: number
  /** Channels of a node, at least 3; a cell gives as many times the nodes. Default 64, as retrained; the search has 8. */
  readonly channels?: number
  /** Intermediate nodes of a cell. Default 4. */
  readonly nodes?: number
  /** Offer the back-projection unit of DBPN as a seventh normal operation (paper; not in the released code). Default false. */
  readonly projection?: boolean
  /** Batch normalisation, as in the search; the final networks have none. Default false. */
  readonly normalised?: boolean
  /**
   * What is added to the result: nothing, as published, or the bicubic enlargement (a = −3/4) of the input. Then the last
   * convolution begins at zero, and the network at bicubic quality: short trainings get further. Default 'none'.
   */
  readonly shortcut?: 'none' | 'bicubic'
}

export const superResolutionDefaults = {
  scale: 2,
  cells: 12,
  channels: 64,
  nodes: 4,
  projection: false,
  normalised: false,
  shortcut: 'none',
} as const satisfies SuperResolutionOptions

export type ResolvedOptions = Required<SuperResolutionOptions>

/** One input of a node: states 0 and 1 are the outputs of the two cells before, state i + 2 is node i. */
export interface SuperResolutionEdge<Op extends string> {
  readonly input: number
  readonly op: Op
}

/** The sum of two earlier states, each through an operation. */
export interface SuperResolutionNode<Op extends string> {
  readonly left: SuperResolutionEdge<Op>
  readonly right: SuperResolutionEdge<Op>
}

/**
 * The three levels of a design: the normal cell, the upsampling cell, and its position in the row of cells (0 =
 * first).
 */
export interface SuperResolutionArchitecture {
  readonly normal: readonly SuperResolutionNode<NormalOperationName>[]
  readonly upsampling: readonly SuperResolutionNode<UpsamplingOperationName>[]
  readonly position: number
}

/** Channel attention has a third of the channels in its middle. */
export const superResolutionFields = {
  scale: among([2, 3, 4], { default: 2, doc: 'Enlargement.' }),
  cells: whole({ min: 1, default: 12, doc: 'Cells in a row; one of them is the upsampling cell.' }),
  channels: whole({ min: 3, default: 64, doc: 'Channels of a node; a cell gives as many times the nodes.' }),
  nodes: whole({ min: 1, default: 4, doc: 'Intermediate nodes of a cell.' }),
  projection: flag({ default: false, doc: 'Offers the back-projection unit of DBPN as a seventh normal operation.' }),
  normalised: flag({
    default: false,
    doc: 'Batch normalisation, as in the published search; the published final networks have none.',
  }),
  shortcut: among(['none', 'bicubic'], {
    default: 'none',
    doc: 'What is added to the result: nothing, or the bicubic enlargement of the input.',
  }),
} as const
const declared = options('superResolutionSpace', superResolutionFields)

/** Error: ARCHLOOM_OPTION. */
export const resolveOptions = (given: SuperResolutionOptions): ResolvedOptions => declared.read(given)

/** Decisions: for each node of both cells left.input, left.op, right.input, right.op, then the position. */
export function superResolutionDecisions({ nodes, cells, projection }: ResolvedOptions) {
  const cell = <Op extends string>(operations: readonly Op[]) => {
    const edge = (node: number): SpaceNode<SuperResolutionEdge<Op>> =>
      product({
        input: oneOf(...Array.from({ length: node + 2 }, (_, state) => state)),
        op: oneOf(...operations),
      })
    return repeat<number, SuperResolutionNode<Op>>(nodes, (node) => product({ left: edge(node), right: edge(node) }))
  }
  const normal: readonly NormalOperationName[] = projection
    ? [...normalOperations, 'up_and_down_projection']
    : normalOperations
  return product({
    normal: cell<NormalOperationName>(normal),
    upsampling: cell<UpsamplingOperationName>(upsamplingOperations),
    position: oneOf(...Array.from({ length: cells }, (_, position) => position)),
  })
}

/** 'super-resolution', followed by the options that differ from the defaults. */
export const superResolutionName = (options: SuperResolutionOptions): string =>
  nameWithOptions<SuperResolutionOptions>('super-resolution', options, superResolutionDefaults)
