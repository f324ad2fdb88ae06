import type { Batch, Random, Split } from '../../core/index.ts'
import { error } from './errors.ts'

/** Lets timers, signal handlers and displays run, because training steps may never await anything. */
export { nextTurn } from '#platform'

export interface BatchesOptions {
  readonly batchSize: number
  /** The random stream of a pass: one stream for all passes, or one for each. */
  readonly order: Random | ((pass: number) => Random)
  /** Total number of batches. Default: endless. */
  readonly steps?: number
  /** Whether to leave out a smaller last batch of a pass. Default: true. */
  readonly dropRemainder?: boolean
}

/**
 * Yields batches, pass after pass. The caller disposes each batch, and closes the iterator if it stops early. Error:
 * ARCHLOOM_TRAINING_NO_BATCHES if a pass yields none.
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

/**
 * The batch size (at most the size of the split), the steps of a pass without its remainder, and the steps of all
 * epochs.
 */
export function stepsOf(split: Split, batchSize: number, epochs: number) {
  const own = Math.max(1, Math.min(batchSize, split.size))
  const epochSteps = Math.max(1, Math.floor(split.size / own))
  return { batchSize: own, epochSteps, steps: Math.max(1, Math.round(epochs * epochSteps)) }
}
