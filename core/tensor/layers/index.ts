export { BATCH_NORM_MOMENTUM, type BatchNormOptions, batchNorm } from './batch-norm.ts'
export { type BatchRenormOptions, batchRenorm } from './batch-renorm.ts'
export { type Conv2dOptions, conv2d } from './convolution.ts'
export { type DenseOptions, dense } from './dense.ts'
export { type DepthwiseOptions, depthwiseConv2d } from './depthwise.ts'
export { dropout, dropPath } from './drop.ts'
export { type FactorisedReductionOptions, factorisedReduction } from './factorised-reduction.ts'
export type { KernelSize, Padding, SlidingOptions } from './geometry.ts'
export { type GroupNormOptions, groupNorm } from './group-norm.ts'
export {
  type NamedNormalisation,
  type NormalisationChoice,
  type NormalisationName,
  normalisationNames,
  normalisationOf,
} from './normalisations.ts'
export { identity, pixelShuffle, prelu, relu, sequential, zero } from './plain.ts'
export { avgPool, globalAvgPool, maxPool } from './pooling.ts'
export { type RunningBatchNormOptions, runningBatchNorm } from './running-batch-norm.ts'
export { type TransposedConv2dOptions, transposedConv2d } from './transposed-convolution.ts'
