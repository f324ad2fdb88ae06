import * as tf from '@tensorflow/tfjs-core'
import type { BatchOptions, Split, SplitRole } from '../../core/trainer.ts'
import { error } from './errors.ts'
import type { LabelledPoints } from './manifolds.ts'

/** A split of points [count, dimension] without classes, for training generators. Labels remain the targets. */
export function pointSplit<R extends SplitRole>(role: R, drawn: LabelledPoints): Split<R> {
  const { count, dimension, points, labels } = drawn
  return {
    role,
    size: count,
    inputShape: [dimension],
    classes: 0,
    batches({ batchSize, rng, dropRemainder = false }: BatchOptions) {
      if (!Number.isInteger(batchSize) || batchSize < 1) throw error('ARCHLOOM_BATCH_SIZE', { received: batchSize })
      const order = [...labels.keys()]
      const shuffled = rng ? rng.fork(`batches ${rng.tensorSeed()}`).shuffle(order) : order
      return batches(shuffled, batchSize, dropRemainder)
    },
  }
  function* batches(order: readonly number[], batchSize: number, dropRemainder: boolean) {
    for (let start = 0; start < count; start += batchSize) {
      const own = order.slice(start, start + batchSize)
      if (dropRemainder && own.length < batchSize) return
      const inputs = new Float32Array(own.length * dimension)
      for (const [i, at] of own.entries())
        inputs.set(points.subarray(at * dimension, (at + 1) * dimension), i * dimension)
      const targets = Int32Array.from(own, (at) => labels[at] as number)
      yield { inputs: tf.tensor2d(inputs, [own.length, dimension]), targets: tf.tensor1d(targets, 'int32') }
    }
  }
}

/**
 * The same examples without classes, so that trainers and evaluators do not treat the split as a classification task.
 */
export function withoutClasses<R extends SplitRole>(split: Split<R>): Split<R> {
  const { role, size, inputShape } = split
  return { role, size, inputShape, classes: 0, batches: (options) => split.batches(options) }
}
