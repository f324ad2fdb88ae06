import { defineErrors } from '../../core/errors.ts'

export const error = defineErrors('fit', {
  ARCHLOOM_FIT_LIMITS: (d: { limits: string; least: string }) =>
    `no model of the search space meets the limits (${d.limits}); the smallest one has ${d.least}. Raise the limits.`,
  ARCHLOOM_FIT_NOTHING_TRAINED: (d: { trials: number }) =>
    `none of ${d.trials} trials gave a model: all failed or the run was stopped before the first one ended. The warnings before this say why; give it more time.`,
})
