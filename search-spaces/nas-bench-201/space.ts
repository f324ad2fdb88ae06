import { type Infer, oneOf, product } from '../../core/space/index.ts'
import { nameWithOptions } from '../../core/space/naming.ts'

/** The five operations of Dong and Yang, NAS-Bench-201 (arXiv:2001.00326), in the benchmark's order. */
export const nasBench201Operations = ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'] as const

export type NasBench201Operation = (typeof nasBench201Operations)[number]

export interface NasBench201Options {
  /** Channels of the first stage; each of the two residual blocks doubles them. Default 16. */
  readonly channels?: number
  /** Cells in each of the three stages. Default 5. */
  readonly cells?: number
}

export const nasBench201Defaults = { channels: 16, cells: 5 } as const satisfies NasBench201Options

const edge = () => oneOf(...nasBench201Operations)

/** Node 0 is the cell's input, node 3 its output; `node2.from1` is the operation on the edge from node 1 to node 2. */
export const nasBench201Decisions = product({
  node1: product({ from0: edge() }),
  node2: product({ from0: edge(), from1: edge() }),
  node3: product({ from0: edge(), from1: edge(), from2: edge() }),
})

export type NasBench201Architecture = Infer<typeof nasBench201Decisions>

/** The six edges in the order of the benchmark's strings and of the genotype. */
export const edgesOf = ({ node1, node2, node3 }: NasBench201Architecture) =>
  [
    { from: 0, to: 1, op: node1.from0 },
    { from: 0, to: 2, op: node2.from0 },
    { from: 1, to: 2, op: node2.from1 },
    { from: 0, to: 3, op: node3.from0 },
    { from: 1, to: 3, op: node3.from1 },
    { from: 2, to: 3, op: node3.from2 },
  ] as const

/** 'nas-bench-201', followed by the options that differ from those of the benchmark. */
export const nasBench201Name = (options: NasBench201Options): string =>
  nameWithOptions<NasBench201Options>('nas-bench-201', options, nasBench201Defaults)
