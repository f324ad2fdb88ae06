import { type Infer, oneOf, product, repeat, type SpaceNode } from '../../core/space/index.ts'
import { nameWithOptions } from '../../core/space/naming.ts'

/** Blocks at one size. */
export interface ChainStage {
  /** Output channels to choose from. */
  readonly widths: readonly number[]
  /** Number of blocks to choose from. */
  readonly depth: { readonly min: number; readonly max: number }
  /** Of the first block. Default 2. */
  readonly stride?: 1 | 2
}

export interface ChainOptions<
  K extends readonly number[] = readonly number[],
  E extends readonly number[] = readonly number[],
> {
  /** Kernels of the depthwise convolutions, odd. Default 3, 5. */
  readonly kernels?: K
  /** Hidden channels of a block over its input channels. Default 1, 3, 6. */
  readonly expansions?: E
  /** Default three stages for small images: widths 16–24, 24–40, 40–64, one to three blocks each. */
  readonly stages?: readonly ChainStage[]
  /** Filters of the first 3×3 convolution. Default 16. */
  readonly stem?: number
  /** Filters of the last 1×1 convolution; 0: none. Default 128. */
  readonly head?: number
}

const defaultStages: readonly ChainStage[] = [
  { widths: [16, 24], depth: { min: 1, max: 3 }, stride: 1 },
  { widths: [24, 32, 40], depth: { min: 1, max: 3 } },
  { widths: [40, 48, 64], depth: { min: 1, max: 3 } },
]

export const chainDefaults = {
  kernels: [3, 5],
  expansions: [1, 3, 6],
  stages: defaultStages,
  stem: 16,
  head: 128,
} as const satisfies ChainOptions

/** Decisions of one block: an inverted residual of this kernel and expansion. */
export interface ChainBlock<K extends number = number, E extends number = number> {
  readonly kernel: K
  readonly expansion: E
}

export interface ChainStageChoice<K extends number = number, E extends number = number> {
  /** Output channels of every block. */
  readonly width: number
  /** One entry per block of the stage. */
  readonly blocks: readonly ChainBlock<K, E>[]
}

export interface ChainArchitecture<K extends number = number, E extends number = number> {
  readonly stages: readonly ChainStageChoice<K, E>[]
}

const fixed = ({ min, max }: ChainStage['depth']) => min === max

/** Depth (as the number of blocks), width, and kernel and expansion of every block. */
export function chainDecisions<const K extends readonly number[], const E extends readonly number[]>(
  stages: readonly ChainStage[],
  kernels: K,
  expansions: E,
) {
  const block = (): SpaceNode<ChainBlock<K[number], E[number]>> =>
    product({ kernel: oneOf(...kernels), expansion: oneOf(...expansions) })
  return product({
    stages: repeat(stages.length, (index): SpaceNode<ChainStageChoice<K[number], E[number]>> => {
      const { widths, depth } = stages[index] as ChainStage
      const blocks: SpaceNode<readonly ChainBlock<K[number], E[number]>[]> = fixed(depth)
        ? repeat(depth.max as number, block)
        : repeat(depth, block)
      return product({ width: oneOf(...widths), blocks })
    }),
  })
}

/** 'chain', followed by the options that differ from the defaults. */
export const chainSpaceName = (options: ChainOptions): string =>
  nameWithOptions<ChainOptions>('chain', options, chainDefaults)

export type ChainArchitectureOf<K extends readonly number[], E extends readonly number[]> = Infer<
  ReturnType<typeof chainDecisions<K, E>>
>
