import { optionError } from '../../core/options/index.ts'

/** Everything that makes two primal networks different. */
export interface DrnOptions {
  /** Enlargement, a power of two. */
  readonly scale: 2 | 4 | 8
  /** Channels at full size; each halving on the way down doubles them. */
  readonly features: number
  /** Residual channel-attention blocks of each stage on the way up. */
  readonly blocks: number
  /**
   * What is added to the images that the network gives. 'none', as published: the mean colour. 'bicubic': the small
   * image enlarged; the network begins as bicubic, which spares short runs the way there. Default 'none'.
   */
  readonly shortcut?: 'none' | 'bicubic'
}

/** The published configurations by name and scale. */
export const drnConfigurations = {
  'drn-s-4x': { scale: 4, features: 16, blocks: 30 },
  'drn-s-8x': { scale: 8, features: 8, blocks: 30 },
  'drn-l-4x': { scale: 4, features: 20, blocks: 40 },
  'drn-l-8x': { scale: 8, features: 10, blocks: 36 },
} as const satisfies Readonly<Record<string, DrnOptions>>

/** Channel attention has a sixteenth of the channels in its middle. */
export const REDUCTION = 16

/** One stage on the way up, from level i to i + 1. */
export interface DrnStage {
  /** C_i: of the blocks. */
  readonly channels: number
  /** f·2^(K−1−i): what is left of them after enlarging, and what the copy from the way down has. */
  readonly kept: number
}

export interface DrnPlan extends Required<DrnOptions> {
  /** K = log₂ scale. */
  readonly levels: number
  readonly stages: readonly DrnStage[]
}

/** Channels of every stage. Error: ARCHLOOM_OPTION. */
export function planDrn(options: DrnOptions): DrnPlan {
  const { scale, features, blocks } = options
  const { shortcut = 'none' } = options
  const refuse = (option: keyof DrnOptions, expected: string) => optionError('drn', option, options[option], expected)
  const levels = Math.log2(scale)
  if (![1, 2, 3].includes(levels)) throw refuse('scale', '2, 4 or 8')
  if (!Number.isInteger(blocks) || blocks < 1) throw refuse('blocks', 'a whole number of at least 1')
  if (!Number.isInteger(features) || features < 1) throw refuse('features', 'a whole number of at least 1')
  if (shortcut !== 'none' && shortcut !== 'bicubic') throw refuse('shortcut', "'none' or 'bicubic'")
  const stages = Array.from({ length: levels }, (_, i) => {
    const kept = features * 2 ** (levels - 1 - i)
    return { channels: i === 0 ? features * 2 ** levels : 4 * kept, kept }
  })
  const narrowest = Math.min(...stages.map(({ channels }) => channels))
  if (narrowest < REDUCTION)
    throw refuse('features', `enough that every stage has ${REDUCTION} channels (the narrowest has ${narrowest})`)
  return { ...options, shortcut, levels, stages }
}
