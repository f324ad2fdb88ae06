import { type Infer, oneOf, product } from '../../core/space/index.ts'
import type { Supernet } from '../../core/trainer.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { type NasBench201Space, nasBench201Space } from './index.ts'
import { type NasBench201Architecture, type NasBench201Options, nasBench201Name } from './space.ts'

/** Operations of a chain, in the benchmark's order. */
export const chainOperations = ['skip_connect', 'nor_conv_1x1', 'nor_conv_3x3'] as const

const edge = () => oneOf(...chainOperations)
const decisions = product({ first: edge(), second: edge(), third: edge() })

export type NasBench201Chain = Infer<typeof decisions>

/** The cell of the benchmark: the chain 0 → 1 → 2 → 3, and a skip connection from the input to the output. */
export const cellOfChain = ({ first, second, third }: NasBench201Chain): NasBench201Architecture => ({
  node1: { from0: first },
  node2: { from0: 'none', from1: second },
  node3: { from0: 'skip_connect', from1: 'none', from2: third },
})

export type NasBench201ChainSpace = NetworkSpace<NasBench201Chain, Required<NasBench201Options>>

/**
 * 27 architectures of NAS-Bench-201, few enough for shared weights to rank them after some thousand steps. The three
 * edges of a chain are each a skip connection, a 1×1 or a 3×3 convolution. Networks and supernet are those of the
 * whole space. Throws ARCHLOOM_OPTION.
 */
export function nasBench201ChainSpace(options: NasBench201Options = {}): NasBench201ChainSpace {
  const whole: NasBench201Space = nasBench201Space(options)
  return defineNetworkSpace(nasBench201Name(options).replace('nas-bench-201', 'nas-bench-201-chain'), decisions, {
    options: whole.options,
    origin: { factory: 'nasBench201ChainSpace', room: 'nas-bench-201', given: options },
    papers: whole.papers ?? [],
    cost: (chain: NasBench201Chain, form) => whole.cost(cellOfChain(chain), form),
    build: (chain: NasBench201Chain, form) => whole.build(cellOfChain(chain), form),
    supernet: (form): Supernet<NasBench201Chain> => {
      const { mixture: _, ...supernet } = whole.supernet!(form)
      return { ...supernet, path: (chain) => supernet.path(cellOfChain(chain)) }
    },
  })
}
