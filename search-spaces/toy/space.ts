import { type Infer, oneOf, product } from '../../core/space/index.ts'

/** Three decisions, 27 architectures: small enough to try all of them. */
export const toyDecisions = product({
  /** Convolutions in a row; each halves height and width. */
  layers: oneOf(1, 2, 3),
  filters: oneOf(4, 8, 16),
  kernel: oneOf(1, 3, 5),
})

export type ToyArchitecture = Infer<typeof toyDecisions>
