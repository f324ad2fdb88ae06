import type { Scale } from '../../../core/reproduction.ts'

/** A training run of the sweep: learnt duals, or the true degradation in their place. */
export interface Variant {
  /** λ. */
  readonly dualWeight: number
  readonly duals: 'learnt' | 'bicubic'
}

export const nameOf = ({ dualWeight, duals }: Variant): string =>
  dualWeight === 0 ? 'λ = 0' : `λ = ${dualWeight}${duals === 'bicubic' ? ', dual fixed to bicubic' : ''}`

export interface Plan {
  readonly features: number
  readonly blocks: number
  readonly shortcut: 'none' | 'bicubic'
  /** Side of a small patch. */
  readonly patch: number
  readonly batchSize: number
  readonly steps: number
  readonly learningRate: number
  readonly dualLearningRate: number
  readonly variants: readonly Variant[]
  readonly seeds: number
  /** Images of BSD100 in the sweep's test; of those, the first so many. */
  readonly photographs: number
  readonly adaptation: {
    readonly targets: readonly ('nearest' | 'blur-down')[]
    readonly steps: number
    readonly learningRate: number
    /** Photographs whose small images are adapted to, and others that are tested on. */
    readonly unpaired: number
    readonly tested: number
    /** ρ. */
    readonly unpairedRatio: number
  }
}

const learnt = (...weights: number[]): Variant[] => weights.map((dualWeight) => ({ dualWeight, duals: 'learnt' }))
const fixed = (...weights: number[]): Variant[] => weights.map((dualWeight) => ({ dualWeight, duals: 'bicubic' }))

const everyday = {
  features: 4,
  blocks: 1,
  // From a grey image on, hundreds of steps do not even reach bicubic.
  shortcut: 'bicubic',
  patch: 12,
  batchSize: 8,
  learningRate: 3e-3,
  // Duals that learn as slowly as the network are never fitted in so few steps.
  dualLearningRate: 1e-2,
} as const

export const plans: Readonly<Record<Scale, Plan>> = {
  smoke: {
    ...everyday,
    steps: 60,
    variants: [...learnt(0, 0.1, 1), ...fixed(1)],
    seeds: 1,
    photographs: 2,
    adaptation: { targets: ['nearest'], steps: 10, learningRate: 3e-4, unpaired: 2, tested: 2, unpairedRatio: 0.3 },
  },
  small: {
    ...everyday,
    steps: 300,
    variants: [...learnt(0, 0.01, 0.1, 1), ...fixed(0.1, 1)],
    seeds: 4,
    photographs: 33,
    adaptation: {
      targets: ['nearest', 'blur-down'],
      steps: 80,
      learningRate: 3e-4,
      unpaired: 16,
      tested: 10,
      unpairedRatio: 0.3,
    },
  },
  // DRN-S at ×4 as published, but for the data: T91 in place of DF2K.
  paper: {
    features: 16,
    blocks: 30,
    shortcut: 'none',
    patch: 96,
    batchSize: 32,
    steps: 1_000_000,
    learningRate: 1e-4,
    dualLearningRate: 1e-4,
    variants: [...learnt(0, 0.001, 0.01, 0.1, 1, 10), ...fixed(0.1, 1)],
    seeds: 4,
    photographs: 100,
    adaptation: {
      targets: ['nearest', 'blur-down'],
      steps: 100_000,
      learningRate: 1e-5,
      unpaired: 50,
      tested: 50,
      unpairedRatio: 0.3,
    },
  },
}
