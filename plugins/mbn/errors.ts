import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('mbn', {
  ARCHLOOM_MBN_BATCH_OF_ONE: (d: { layer: string; shape: readonly number[] }) =>
    `mbn layer ${quote(d.layer)} received a batch of shape [${d.shape.join(', ')}]: one value per channel has a variance of 0, and averaged variances of 0 lead to a division by almost 0; expected at least two values per channel. Train with larger batches, or with { variance: 'pooled' }.`,
  ARCHLOOM_MBN_MEMORY_EMPTY: (d: { layer: string }) =>
    `mbn layer ${quote(d.layer)} ran inference with an empty memory; expected the statistics of at least one batch. Train a step or load a checkpoint first, or choose { whenEmpty: 'identity' }.`,
})
