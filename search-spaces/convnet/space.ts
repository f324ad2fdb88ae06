import { type Infer, integer, oneOf, product, repeat } from '../../core/space/index.ts'
import { nameWithOptions } from '../../core/space/naming.ts'

export interface ConvnetOptions {
  /** Output channels of the first stage; each later stage doubles them. Default 16, 24, 32, 48, 64. */
  readonly widths?: readonly number[]
  /** Stages, or the fewest and the most of them; each but the first halves height and width before it. Default 3. */
  readonly stages?: number | { readonly min: number; readonly max: number }
  /** Most blocks of a stage. Default 3. */
  readonly maxDepth?: number
  /** Kernel sizes, odd, one choice for each stage. Default 3, 5. */
  readonly kernels?: readonly number[]
}

export const convnetDefaults = {
  widths: [16, 24, 32, 48, 64],
  stages: 3,
  maxDepth: 3,
  kernels: [3, 5],
} as const satisfies Required<ConvnetOptions>

const rangeOf = (stages: Required<ConvnetOptions>['stages']) =>
  typeof stages === 'number' ? { min: stages, max: stages } : stages

/**
 * `plain` is a row of convolutions; `residual` has one convolution and then blocks of two convolutions with a
 * connection around them. `max` pooling halves by 2×2 max pooling, `stride` by the stride of the next convolution.
 */
export const convnetDecisions = ({ widths, stages, maxDepth, kernels }: Required<ConvnetOptions>) =>
  product({
    width: oneOf(...widths),
    form: oneOf('plain', 'residual'),
    stages: repeat(rangeOf(stages), () => product({ depth: integer(1, maxDepth), kernel: oneOf(...kernels) })),
    normalisation: oneOf('batch-norm', 'group-norm'),
    reduction: oneOf('max', 'stride'),
    head: oneOf('mean', 'max'),
  })

export type ConvnetArchitecture = Infer<ReturnType<typeof convnetDecisions>>

/** 'convnet', followed by the options that differ from the defaults. */
export const convnetName = (options: ConvnetOptions): string =>
  nameWithOptions<ConvnetOptions>('convnet', options, convnetDefaults)
