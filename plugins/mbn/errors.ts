import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('mbn', {
  ARCHLOOM_MBN_BATCH_OF_ONE: (d: { layer: string; shape: readonly number[] }) =>
    `mbn layer ${quote(d.layer)} received a batch of shape [${d.shape.join(', ')}]: one value a channel has variance 0, and averaged variances of 0 divide by almost nothing; expected at least two values a channel. Train with larger batches, or with { variance: 'pooled' }.`,
  ARCHLOOM_MBN_MEMORY_EMPTY: (d: { layer: string }) =>
    `mbn layer ${quote(d.layer)} was asked to infer with an empty memory; expected the statistics of at least one batch. Train a step or load a checkpoint first, or choose { whenEmpty: 'identity' }.`,
})
