import { defineErrors, quote } from '../../../core/errors.ts'

export const error = defineErrors('generative-metrics', {
  ARCHLOOM_GENERATIVE_METRIC: (d: { metric: string; received: string; expected: string }) =>
    `${d.metric} received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_FEATURE_NETWORK: (d: { name: string; received: string; expected: string }) =>
    `feature network ${quote(d.name)}: ${d.received}; expected ${d.expected}.`,
})
