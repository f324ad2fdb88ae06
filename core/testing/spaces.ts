import {
  allDifferent,
  defineSpace,
  integer,
  occurrences,
  oneOf,
  product,
  real,
  repeat,
  type SearchSpace,
  subset,
  sumAtMost,
  variant,
  when,
} from '../space/index.ts'

/** One space for each feature that spaces can have: a controller that works on all of them works on any space. */
export const stockSpaces = (): readonly SearchSpace[] => [
  defineSpace(
    'plain',
    product({ op: oneOf('conv', 'pool', 'skip'), width: integer(8, 64, { step: 8 }), residual: oneOf(true, false) }),
  ),
  defineSpace('single', oneOf('only')),
  defineSpace(
    'conditional',
    product({
      stem: variant({
        convolution: product({ kernel: oneOf(3, 5, 7) }),
        patches: product({ size: oneOf(2, 4), overlap: when(oneOf(true, false), () => oneOf(0.25, 0.5)) }),
      }),
      layers: repeat({ min: 1, max: 3 }, (index) =>
        index === 0 ? oneOf('a', 'b') : when(oneOf(false, true), () => oneOf('a', 'b', 'c')),
      ),
    }),
  ),
  defineSpace(
    'constrained',
    product({
      order: repeat(3, () => oneOf('x', 'y', 'z')),
      widths: repeat(4, () => oneOf(1, 2, 4)),
      taps: subset(['early', 'middle', 'late'], { min: 1, max: 2 }),
    }),
    {
      constraints: [allDifferent('order.*'), sumAtMost(['widths.*'], 7), occurrences(['widths.*'], 4, { min: 1 })],
    },
  ),
  defineSpace(
    'real',
    product({
      rate: real(1e-4, 1, { scale: 'log' }),
      momentum: real(0, 1),
      decay: when(oneOf(true, false), () => real(0, 0.1)),
      layers: integer(1, 4),
    }),
  ),
]

/** A space of unordered decisions whose architectures are the arms of a bandit. */
export const banditSpace = (decisions: number, options: number): SearchSpace<{ readonly arm: readonly number[] }> =>
  defineSpace(
    `bandit-${decisions}x${options}`,
    product({ arm: repeat(decisions as number, () => oneOf(...Array.from({ length: options }, (_, i) => i))) }),
  )
