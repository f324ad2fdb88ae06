import { defineErrors, quote } from '../../../core/errors.ts'

export const error = defineErrors('transport', {
  ARCHLOOM_TRANSPORT_POINTS: (d: { where: string; received: string; expected: string }) =>
    `${d.where} received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_TRANSPORT_COST: (d: { received: string; expected: string }) =>
    `assignment() received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_TRANSPORT_COVARIANCE: (d: { received: string; expected: string }) =>
    `a Gaussian has ${d.received}; expected ${d.expected}. Estimate covariances with momentsOf().`,
  ARCHLOOM_TRANSPORT_OPTION: (d: { where: string; option: string; received: unknown; expected: string }) =>
    `${d.where}: ${d.option} is ${quote(d.received)}; expected ${d.expected}.`,
})
