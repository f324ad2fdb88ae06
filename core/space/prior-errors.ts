import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('priors', {
  ARCHLOOM_PRIOR_INVALID: (d: { decision: string; received: unknown; expected: string }) =>
    `the prior of decision ${quote(d.decision)} received ${quote(d.received)}; expected ${d.expected}.`,
})
