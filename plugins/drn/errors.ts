import { defineErrors } from '../../core/index.ts'

export const error = defineErrors('drn', {
  ARCHLOOM_DRN_SCALE: (d: { received: readonly number[]; expected: readonly number[] }) =>
    `the network's largest image has shape [${d.received.join(', ')}], the target [${d.expected.join(', ')}]. ` +
    `Train a network of the scale that the pairs have.`,
})
