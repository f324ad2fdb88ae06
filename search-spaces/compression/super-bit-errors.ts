import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('super-bit', {
  ARCHLOOM_SUPER_BIT_LADDER: (d: { received: readonly number[]; most: number }) =>
    `bit-widths ${quote(d.received)} are not nested; expected ascending whole numbers from 1 to ${d.most}, each a multiple of the previous one, as in [2, 4, 8] or [1, 2, 4, 8]. Only then is every grid a subset of the next one.`,
  ARCHLOOM_SUPER_BIT_GROUPS: (d: { layer: string; filters: number; groupSize: number }) =>
    `groups of ${d.groupSize} do not divide the ${d.filters} filters of ${quote(d.layer)}; expected a divisor of ${d.filters} that is smaller than it. Choose another groupSize, or prune: false.`,
  ARCHLOOM_SUPER_BIT_NETWORK: (d: { received: string; expected: string }) =>
    `the network ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_SUPER_BIT_TARGET: (d: { received: unknown; minimum: number; full: number }) =>
    `a target of ${quote(d.received)} BOPs cannot be met; the minimum reachable is ${d.minimum} (${(d.minimum / d.full).toPrecision(3)} of full precision), with the fewest bits everywhere and as much pruning as allowed. Raise the target, add smaller bit-widths, or allow more pruning.`,
  ARCHLOOM_SUPER_BIT_NOT_FINITE: (d: { layer: string; tensor: string; value: number }) =>
    `${d.tensor} of ${quote(d.layer)} hold ${d.value}; expected finite numbers. Load an earlier checkpoint, or lower the learning rate.`,
})
