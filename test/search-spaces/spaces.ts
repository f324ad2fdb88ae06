import { cellSpace } from '../../search-spaces/cell/index.ts'
import { chainSpace } from '../../search-spaces/chain/index.ts'
import { convnetSpace } from '../../search-spaces/convnet/index.ts'
import { nasBench201Space, natsBenchSizeSpace } from '../../search-spaces/nas-bench-201/index.ts'
import { nasBenchMacroSpace } from '../../search-spaces/nas-bench-macro/index.ts'
import type { NetworkSpace } from '../../search-spaces/network-space.ts'
import { toySpace } from '../../search-spaces/toy/index.ts'

export interface SpaceCase {
  readonly space: NetworkSpace<unknown>
  /** Small enough for quick networks. */
  readonly input: readonly number[]
  /** Multiply-adds that the space counts beyond its kernels. */
  readonly extra?: (classes: number) => number
}

/** Every space with networks, at sizes that build in milliseconds. */
export const spaceCases: readonly SpaceCase[] = [
  { space: toySpace(), input: [6, 6, 3] },
  { space: cellSpace({ nodes: 2, channels: 4, cells: 3 }), input: [8, 8, 3] },
  {
    space: cellSpace({
      nodes: 3,
      channels: 2,
      cells: 3,
      distinctInputs: true,
      operations: ['sep_conv_7x7', 'nor_conv_3x3', 'nor_conv_1x1', 'dil_conv_5x5', 'skip_connect', 'none'],
    }),
    input: [5, 7, 1],
  },
  {
    space: cellSpace({ nodes: 1, channels: 4, cells: 2, stem: 'imagenet' }),
    input: [32, 32, 3],
  },
  {
    space: chainSpace({
      kernels: [3, 5],
      expansions: [1, 2],
      stages: [
        { widths: [4, 6], depth: { min: 1, max: 2 }, stride: 1 },
        { widths: [6], depth: { min: 2, max: 2 } },
      ],
      stem: 4,
      head: 8,
    }),
    input: [6, 6, 3],
  },
  {
    space: chainSpace({ stages: [{ widths: [4], depth: { min: 1, max: 1 } }], stem: 4, head: 0 }),
    input: [5, 5, 1],
  },
  {
    space: nasBench201Space({ channels: 4, cells: 1 }),
    input: [8, 8, 3],
    extra: (classes) => classes,
  },
  { space: natsBenchSizeSpace(), input: [8, 8, 3], extra: (classes) => classes },
  { space: nasBenchMacroSpace({ channels: 2, head: 6 }), input: [8, 8, 3] },
  { space: convnetSpace({ widths: [8, 12], stages: 2, maxDepth: 2 }), input: [7, 6, 3] },
]
