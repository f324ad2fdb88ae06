import type { Batch, Random, Split } from '../../core/index.ts'
import { error } from './errors.ts'

/** Lets timers, signals and displays have their turn: steps may end without waiting for anything. */
export { nextTurn } from '#platform'

export interface BatchesOptions {
  readonly batchSize: number
  /** The random stream of a pass: one stream for all passes, or one for each. */
  readonly order: Random | ((pass: number) => Random)
  /** Batches in all. Default: no end. */
  readonly steps?: number
  /** Leave out a last, smaller batch of a pass. Default true. */
  readonly dropRemainder?: boolean
}

/**
 * Batches pass after pass; the caller disposes each, and closes the iterator where it is left early.
 * Error: ARCHLOOM_TRAINING_NO_BATCHES when a pass gives none.
 */
export function* batchesOf(
  split: Split,
  { batchSize, order, steps = Number.POSITIVE_INFINITY, dropRemainder = true }: BatchesOptions,
): Generator<Batch, void, undefined> {
  let given = 0
  for (let pass = 0; given < steps; pass++) {
    const before = given
    const rng = typeof order === 'function' ? order(pass) : order
    for (const batch of split.batches({ batchSize, rng, ...(dropRemainder && { dropRemainder }) })) {
      yield batch
      if (++given === steps) return
    }
    if (given === before) throw error('ARCHLOOM_TRAINING_NO_BATCHES', { size: split.size, batchSize })
  }
}

/** Batch size (at most the split), steps of a pass without its remainder, and steps of so many passes. */
export function stepsOf(split: Split, batchSize: number, epochs: number) {
  const own = Math.max(1, Math.min(batchSize, split.size))
  const epochSteps = Math.max(1, Math.floor(split.size / own))
  return { batchSize: own, epochSteps, steps: Math.max(1, Math.round(epochs * epochSteps)) }
}
