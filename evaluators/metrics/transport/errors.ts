import { defineErrors } from '../../../core/errors.ts'

export const error = defineErrors('transport', {
  ARCHLOOM_TRANSPORT_POINTS: (d: { where: string; received: string; expected: string }) =>
    `${d.where} received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_TRANSPORT_COST: (d: { received: string; expected: string }) =>
    `assignment() received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_TRANSPORT_COVARIANCE: (d: { received: string; expected: string }) =>
    `a Gaussian has ${d.received}; expected ${d.expected}. Estimate covariances with momentsOf().`,
})
