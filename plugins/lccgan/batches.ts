import type { Batch, Random, Split } from '../../core/index.ts'
import { error as trainingError } from '../../evaluators/training/errors.ts'

/** Endless batches of one size, pass after pass; the caller disposes each. */
export function* endless(split: Split, batchSize: number, rng: Random): Generator<Batch, void, undefined> {
  for (;;) {
    let any = false
    for (const batch of split.batches({ batchSize, rng, dropRemainder: true })) {
      any = true
      yield batch
    }
    if (!any) throw trainingError('ARCHLOOM_TRAINING_NO_BATCHES', { size: split.size, batchSize })
  }
}

/** Steps are synchronous: without this, no timer would ever run. */
export const eventLoopTurn = () => new Promise<void>((done) => setImmediate(done))

export function stepsOf(split: Split, batchSize: number, epochs: number) {
  const own = Math.max(1, Math.min(batchSize, split.size))
  const epochSteps = Math.max(1, Math.floor(split.size / own))
  return { batchSize: own, epochSteps, steps: Math.max(1, Math.round(epochs * epochSteps)) }
}
