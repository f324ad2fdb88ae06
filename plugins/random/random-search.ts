import type { ControllerFactory } from '../../core/index.ts'

/**
 * Random search: every proposal is drawn independently, with each decision uniform over the options that earlier
 * decisions and constraints allow (Li and Talwalkar, 2019).
 */
export const randomSearch = (): ControllerFactory => (space) => ({
  propose: (rng) => ({ genotype: space.random(rng) }),
  observe: () => ({}),
  snapshot: () => null,
  restore: () => {},
  [Symbol.dispose]: () => {},
})
