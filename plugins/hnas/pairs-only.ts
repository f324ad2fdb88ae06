import * as tf from '@tensorflow/tfjs-core'
import type { Batch, Split, SplitRole } from '../../core/index.ts'
import type { PicturePair } from '../../evaluators/data/images/index.ts'

/** A split of patches with the images that they are cut from. */
export type PatchesOf<R extends SplitRole> = Split<R> & {
  readonly pairs: readonly PicturePair[]
  readonly scale: number
}

/** The same split without intermediate sizes in its batches, for code that would not dispose them. */
export const pairsOnly = <R extends SplitRole>(split: PatchesOf<R>): PatchesOf<R> => ({
  ...split,
  *batches(options) {
    for (const batch of split.batches(options) as Iterable<Batch & { readonly between?: readonly tf.Tensor[] }>) {
      const { inputs, targets, between = [] } = batch
      tf.dispose([...between])
      yield { inputs, targets }
    }
  },
})
