import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('fit', {
  ARCHLOOM_FIT_LIMITS: (d: { limits: string; least: string }) =>
    `no model of the search space meets the limits (${d.limits}); ${d.least}. Raise the limits.`,
  ARCHLOOM_FIT_NOTHING_TRAINED: (d: { trials: number }) =>
    `none of ${d.trials} trials gave a model: all failed or the run was stopped before the first one ended. The warnings before this say why; give it more time.`,
  ARCHLOOM_FIT_DATA: (d: { received: unknown; expected: string }) =>
    `fit received data ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_FIT_IMAGES: (d: { path: string; received: string; expected: string }) =>
    `${d.path} holds ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_FIT_CLASSES: (d: { path: string; received: readonly string[]; expected: string }) =>
    `${d.path} has the classes ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_FIT_SERIES: (d: { target: string; received: string; expected: string }) =>
    `the series ${quote(d.target)} has ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_FIT_LABELLED_SERIES: (d: { path: string; received: string; expected: string }) =>
    `${d.path} holds ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_FIT_TASK: (d: { option: string; task: string }) =>
    `${d.option} has a meaning only with ${d.task}. Leave it out, or change the task.`,
  ARCHLOOM_FIT_MODEL: (d: { path: string; reason: string }) =>
    `${d.path} is no model that fit exported: ${d.reason}. Give the folder that --out named.`,
})
