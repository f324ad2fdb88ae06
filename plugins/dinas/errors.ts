import { defineErrors, quote } from '../../core/index.ts'

export const error = defineErrors('dinas', {
  ARCHLOOM_PROJECTOR_COLUMN: (d: { received: unknown; at: number; dimension: number }) =>
    `a protected input holds ${quote(d.received)} in component ${d.at} of ${d.dimension}, expected finite numbers. The network has diverged, or its images are not normalised: lower the learning rate.`,
  ARCHLOOM_PROJECTOR_DIMENSION: (d: { what: string; received: number; dimension: number }) =>
    `the projector has dimension ${d.dimension}; ${d.what} has ${d.received} numbers, which is not a multiple of it. Use one projector for each weight, with as many dimensions as a unit of the weight has inputs.`,
  ARCHLOOM_PROJECTOR_ALPHA: (d: { received: unknown }) =>
    `the projector received alpha ${quote(d.received)}, expected a finite number above 0: with 0 the recursion would divide by zero once a direction is protected.`,
  ARCHLOOM_PROJECTOR_STATE: (d: { name: string; received: string; expected: string }) =>
    `the projector of ${quote(d.name)} cannot be restored from ${d.received}, expected ${d.expected}. Restore a state that was saved with the same supernet and the same options.`,
})
