/** Computes what is protected of a layer's input: few columns that represent a whole batch. */
import * as tf from '@tensorflow/tfjs-core'
import type { Blocks } from './blocks.ts'
import { columnsOfMoment } from './factor.ts'

export interface ColumnOptions {
  /**
   * 'second-moment': X Xᵀ / n of all rows is protected. 'mean': the batch is averaged first, and every patch of the
   * mean is one unscaled column, as in orthogonal weight modification.
   */
  readonly columns: 'mean' | 'second-moment'
  /** Number of rows over which second moments are taken, from the first examples of a batch. */
  readonly rows: number
  /** Maximum number of columns per protection; the largest directions come first. */
  readonly rank: number
}

/** Columns [columns · dimension] of every block. It reads tensors, so call it outside of any gradient. */
export function columnsOf(blocks: Blocks, input: tf.Tensor, options: ColumnOptions): readonly Float64Array[] {
  const { count, dimension: d } = blocks
  const { rows, values } = tf.tidy(() => {
    const mean = options.columns === 'mean'
    const all = blocks.rows(mean ? tf.mean(input, 0, true) : fewer(input, options.rows))
    // With more columns than dimensions, their second moment is smaller, and the projector depends on nothing else.
    const moments = all.shape[1] > Math.min(d, options.rank)
    const kept = moments ? tf.matMul(all, all, true, false) : all
    return { rows: all.shape[1], values: { moments, data: kept.dataSync() as Float32Array } }
  })
  const scale = options.columns === 'mean' ? 1 : 1 / rows
  const stride = values.data.length / count
  return Array.from({ length: count }, (_, block) => {
    const part = Float64Array.from(values.data.subarray(block * stride, (block + 1) * stride))
    const factor = values.moments ? scale : Math.sqrt(scale)
    for (let i = 0; i < part.length; i++) part[i] = part[i]! * factor
    return values.moments ? columnsOfMoment(part, d, options.rank) : part
  })
}

/** The first examples of [batch, ...] that give about as many rows. */
function fewer(input: tf.Tensor, rows: number): tf.Tensor {
  const [batch = 1, ...rest] = input.shape
  const positions = rest.slice(0, -1).reduce((product, size) => product * size, 1)
  const examples = Math.min(batch, Math.max(1, Math.ceil(rows / positions)))
  return examples === batch ? input : tf.slice(input, rest.map(() => 0).concat(0), [examples, ...rest])
}
