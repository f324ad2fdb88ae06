import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('train-from-scratch', {
  ARCHLOOM_TRAIN_FROM_SCRATCH_NETWORKS: (d: { space: string }) =>
    `space ${quote(d.space)} builds no networks, so nothing can be trained. Give defineSpace(${quote(d.space)}, …) a build function, or use a space that has networks, such as cellSpace().`,
})
