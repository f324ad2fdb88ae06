import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('policy', {
  ARCHLOOM_CONTROLLER_SNAPSHOT: (d: { controller: string; received: unknown; expected: string }) =>
    `${d.controller} cannot restore ${quote(d.received)}; expected ${d.expected}. Restore a snapshot of the same controller with the same options on the same space.`,
  ARCHLOOM_HYPERVOLUME_REFERENCE: (d: { received: readonly number[]; objectives: number | undefined }) =>
    `the hypervolume received the reference point ${quote(d.received)}; expected one finite number per objective${d.objectives === undefined ? '' : ` (${d.objectives} here)`}.`,
  ARCHLOOM_POLICY_GENOTYPE: (d: { decision: string; received: unknown; allowed: readonly number[] }) =>
    `the policy cannot draw option ${quote(d.received)} of decision ${quote(d.decision)}; it may choose among ${quote(d.allowed)}. Score genotypes of the policy's own space.`,
})
