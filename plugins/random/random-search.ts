import type { ControllerFactory } from '../../core/index.ts'

/**
 * Random search: every proposal is drawn anew, each decision uniform over the options that its prefix and the
 * constraints leave (Li and Talwalkar, 2019). It learns nothing and remembers nothing.
 */
export const randomSearch = (): ControllerFactory => (space) => ({
  propose: (rng) => ({ genotype: space.random(rng) }),
  observe: () => ({}),
  snapshot: () => null,
  restore: () => {},
  [Symbol.dispose]: () => {},
})
