import { type Infer, oneOf, product, repeat } from '../../core/space/index.ts'
import { nameWithOptions } from '../../core/space/naming.ts'

/** Identity and two inverted residual blocks (kernel, expansion): Su et al. (arXiv:2103.11922), in the benchmark's order. */
export const nasBenchMacroOperations = ['identity', 'mb_conv_k3_e3', 'mb_conv_k5_e6'] as const

export type NasBenchMacroOperation = (typeof nasBenchMacroOperations)[number]

export interface NasBenchMacroOptions {
  /** Channels of the stem; each stage doubles them. Default 32. */
  readonly channels?: number
  /** Channels of the last convolution. Default 1,280. */
  readonly head?: number
}

export const nasBenchMacroDefaults = { channels: 32, head: 1280 } as const satisfies NasBenchMacroOptions

/** Eight layers in a row; the genotype's string form is the benchmark's key. */
export const nasBenchMacroDecisions = product({ layers: repeat(8, () => oneOf(...nasBenchMacroOperations)) })

export type NasBenchMacroArchitecture = Infer<typeof nasBenchMacroDecisions>

/** 'nas-bench-macro', followed by the options that differ from those of the benchmark. */
export const nasBenchMacroName = (options: NasBenchMacroOptions): string =>
  nameWithOptions<NasBenchMacroOptions>('nas-bench-macro', options, nasBenchMacroDefaults)
